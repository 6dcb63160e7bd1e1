#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SFTP: OpenSSH serves the mount as docs/exporting.md says: copies, renames,
# modes, a transfer that breaks off and goes on; rsync and scp.
# shellcheck source=tests/e2e/export.sh
source "$(dirname "$0")/export.sh"
requires /usr/sbin/sshd sftp scp ssh-keygen rsync useradd

# upload COMMAND...: what Maria tells sftp, a line each.
upload() {
	printf '%s\n' "$@" | sftp -F "$WORK/options" -b - maria@127.0.0.1 >"$WORK/sftp.out" 2>&1 ||
		fail "sftp: $*: $(cat "$WORK/sftp.out")"
}

# refuses COMMAND: sftp fails.
refuses() {
	echo "$1" | sftp -F "$WORK/options" -b - maria@127.0.0.1 >/dev/null 2>&1 && fail "allowed: $1"
	return 0
}

# is FILE FORMAT VALUE: stat(1) of $MNT/FILE.
is() {
	[ "$(stat -c "$2" "$MNT/$1")" = "$3" ] || fail "$1 has $2 $(stat -c "$2" "$MNT/$1"), not $3"
}

recipe /etc/ssh/warehouse.conf
mkdir -p /run/sshd
HOST_KEY=/etc/ssh/ssh_host_ed25519_key
[ -e $HOST_KEY ] || ssh-keygen -q -t ed25519 -N '' -f $HOST_KEY
ssh-keygen -q -t ed25519 -N '' -f "$WORK/key"
cat >"$WORK/options" <<END
Port 2022
IdentityFile $WORK/key
BatchMode yes
StrictHostKeyChecking no
UserKnownHostsFile /dev/null
LogLevel ERROR
END
groupadd partners
useradd -m -s /bin/bash jonas
useradd -m -g partners maria
for user in jonas maria; do
	usermod -p '*' $user
	install -d -o $user -m 700 "/home/$user/.ssh"
	install -o $user -m 600 "$WORK/key.pub" "/home/$user/.ssh/authorized_keys"
done
chmod 755 "$WORK" /srv
install -d -o maria -g partners "$MNT/maria"
install -d -o jonas "$MNT/jonas"
serve 2022 /usr/sbin/sshd -D -e -f /etc/ssh/warehouse.conf

head -c 30M /dev/urandom >"$WORK/large"
echo first >"$WORK/first"
echo second >"$WORK/second"
upload "cd maria" "put $WORK/first report" "put $WORK/second new" "rename new report" \
	"chmod 640 report" "mkdir done" "rename report done/report" "symlink report done/latest" \
	"ln done/report done/copy" "put $WORK/large" "rm large"
is maria/done/report %U:%a:%h maria:640:2
is maria/done/latest %N "'$MNT/maria/done/latest' -> 'report'"
[ "$(cat "$MNT/maria/done/latest")" = second ] || fail "the rename did not replace the file"
[ ! -e "$MNT/maria/large" ] || fail "rm left the file"
upload "cd maria/done" "get report $WORK/got" "put -p $WORK/first old"
cmp "$WORK/second" "$WORK/got"
is maria/done/old %Y "$(stat -c %Y "$WORK/first")"

# She is not let out, nor into what others keep for themselves.
chmod 700 "$MNT/jonas"
refuses "ls /etc"
refuses "ls /warehouse/jonas"
refuses "put $WORK/first /warehouse/mine"
ssh -F "$WORK/options" maria@127.0.0.1 true 2>/dev/null && fail "a partner has a shell"

# A transfer breaks off, the gateway goes and comes, the transfer goes on.
sftp -F "$WORK/options" -l 80000 -b - maria@127.0.0.1 \
	<<<"put $WORK/large maria/resumed" >/dev/null 2>&1 &
transfer=$!
until [ "$(stat -c %s "$MNT/maria/resumed" 2>/dev/null || echo 0)" -gt 4000000 ]; do
	sleep 0.05
done
kill -9 $transfer
await_end $transfer
while pgrep -u maria >/dev/null; do
	sleep 0.05
done
crash_gateway
cmp -n "$(stat -c %s "$MNT/maria/resumed")" "$WORK/large" "$MNT/maria/resumed"
upload "put -a $WORK/large maria/resumed"
cmp "$WORK/large" "$MNT/maria/resumed"
head -c 10M "$WORK/large" >"$WORK/back"
restore_from_store
upload "get -a maria/resumed $WORK/back"
cmp "$WORK/large" "$WORK/back"

# rsync: the second run finds nothing to do, also after a restore.
sync_tree() {
	rsync -aHXi --delete -e "ssh -F $WORK/options" "$@"
}
# is_same FROM TO: there is nothing to transfer.
is_same() {
	local changes
	changes=$(sync_tree "$1" "$2")
	[ -z "$changes" ] || fail "rsync $1 $2: $changes"
}
make_tree "$WORK/tree"
chown -Rh jonas:jonas "$WORK/tree"
find "$WORK/tree" '(' -type b -o -type c ')' -delete
far=jonas@127.0.0.1:$MNT/jonas/tree/
sync_tree "$WORK/tree/" "$far" >/dev/null
is_same "$WORK/tree/" "$far"
restore_from_store
is_same "$WORK/tree/" "$far"
mkdir "$WORK/pulled"
sync_tree "$far" "$WORK/pulled/" >/dev/null
is_same "$far" "$WORK/pulled/"
scp -q -F "$WORK/options" "$WORK/large" jonas@127.0.0.1:"$MNT/jonas/large"
cmp "$WORK/large" "$MNT/jonas/large"
umount_volume
