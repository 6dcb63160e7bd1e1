#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# git on a mount: clone, branches, merges, rebase, gc, fsck, a work tree of its
# own; everything it stat(2)s of its files is the same after a restore from the
# bucket alone. test_apps_git.sh [COMMITS]
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
requires_mount
requires git
commits=${1:-30}
export GIT_CONFIG_GLOBAL=$WORK/gitconfig GIT_CONFIG_NOSYSTEM=1
git config --global user.name tester
git config --global user.email tester@example.com
git config --global init.defaultBranch main
git config --global core.fsync all
new_volume
mount_volume

# A history made on the local disk: this project's files, changed COMMITS times.
make_origin() {
	git init -q "$WORK/origin"
	cd "$WORK/origin"
	cp -r "$E2E/.." "$E2E/../../cache" "$E2E/../../backend" .
	for number in $(seq "$commits"); do
		find . -path ./.git -prune -o -name "*$((number % 10))*" -type f -print |
			head -n 20 | while read -r file; do echo "line $number" >>"$file"; done
		echo "$number" >number
		git add -A
		git commit -q -m "commit $number"
		[ "$number" != 1 ] || git branch side
	done
	cd /
}

# The index says that no file has changed, by what it noted of their stat(2):
# diff-files does not look at contents to find out.
unchanged() {
	git diff-files --quiet || fail "$1: $(git diff-files --name-only | head -n 3)"
	[ -z "$(git status --porcelain)" ] || fail "$1: status"
	git fsck --full --strict >"$WORK/fsck" 2>&1 || fail "$1: $(cat "$WORK/fsck")"
}

make_origin
git clone -q --no-local "$WORK/origin" "$MNT/clone"
cd "$MNT/clone"
unchanged "a clone"
git checkout -q -b topic origin/side
for number in 1 2 3; do
	echo "$number" >>"topic$number"
	git add .
	git commit -q -m "topic $number"
done
git merge -q -m merge origin/main
git checkout -q -b rebased HEAD~1
git rebase -q origin/main
git worktree add -q "$MNT/beside" main
echo more >>number
git stash -q
git gc -q --aggressive --prune=now
git repack -q -a -d -f
unchanged "after gc"
git stash pop -q
git checkout -q -- number
git clone -q --mirror --no-local "$MNT/clone" "$WORK/back"
objects() { git -C "$1" rev-list --branches --remotes --objects --no-object-names | sort; }
cmp <(objects "$MNT/clone") <(objects "$WORK/back") || fail "a clone of the clone"
git diff --quiet origin/main main || fail "main is not what was cloned"
diff -r -x .git "$WORK/origin" "$MNT/beside" || fail "a work tree differs from its origin"
cd /

timeout 300 "$DRAY" wait "$MNT"
umount_volume
rm -rf "$CACHE"
mount_volume
cd "$MNT/clone"
unchanged "after a restore"
cd "$MNT/beside"
unchanged "a work tree, after a restore"
diff -r -x .git "$WORK/origin" "$MNT/beside" || fail "a work tree differs from its origin"
cd /
umount_volume
