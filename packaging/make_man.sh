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
