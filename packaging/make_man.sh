#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Writes the manual page dray(1) from the help texts: make_man.sh DRAY FILE
# (The help comes from the tables that the code parses by, so neither lags.)
set -eu
dray=$1
exec >"$2"

# Text as it is: backslashes and leading dots and quotes would be roff.
verbatim() {
	echo .nf
	sed -e 's/\\/\\e/g' -e "s/^\([.']\)/\\\\\&\1/" -e 's/-/\\-/g'
	echo .fi
}

echo ".TH DRAY 1 \"\" \"$("$dray" --version)\" \"User Commands\""
echo .SH NAME
echo 'dray \- a directory whose files live in object storage'
echo .SH SYNOPSIS
"$dray" --help | verbatim
for command in $("$dray" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p'); do
	echo ".SH dray $command"
	"$dray" "$command" --help | verbatim
done

cat <<'ROFF'
.SH EXTENDED ATTRIBUTES
.TP
.B user.dray.state
of every file: local, uploading or cloud.
.TP
.B user.dray.dirty_bytes, user.dray.commit
bytes in no acknowledged pack; the newest commit.
.TP
.B user.dray.rpo
of a directory, in seconds: how old the data of files below it may become before the cloud has it.
.TP
.B user.dray.durability
of a directory, local or cloud: when fsync(2) and close(2) of files below it return.
.PP
The last two can be set and removed on directories; what is in force is told for every file. None of
them is listed.
.SH ERRORS OF FSYNC AND CLOSE
Under durability=cloud they return when the file and its name are in the cloud. The data is safe on this
machine before they wait for that.
.TP
.B ETIMEDOUT
It was not in the cloud within durability\-timeout. The upload goes on; another fsync(2) waits again.
.TP
.B EIO
It will not get there from here: another gateway took the volume over, its bytes are damaged, or the
gateway ends. The gateway's log says which. What is local is kept.
.TP
.B EINTR
The process was killed. Signals that it handles do not end the wait.
.PP
close(2) closes the file in every case.
ROFF
