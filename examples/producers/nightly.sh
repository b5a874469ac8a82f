#!/bin/sh
# One file, every night, from cron: answers it, keeps a log and a report, never overlaps itself.
#
#   nightly.sh FILE SPEC FOLDER
#
# FOLDER gets answers.csv, report.json and nightly.log. Cron mails what is printed, so nothing is
# printed on a good night. The exit status is that of `sekisho run`, or 75 if the last night
# still runs:
#   0  all rows are done             1  some rows need a hand (more than ALLOW_BAD)
#   2  the file or the spec is wrong 3  a service is down, after TRIES tries
#
# Variables: SEKISHO (the command, where it is not on cron's short PATH), ALLOW_BAD (0, 20, 2%),
# TRIES (3) and PAUSE_SECONDS (300) between them.
set -eu

if [ $# -ne 3 ]; then
    echo "usage: nightly.sh FILE SPEC FOLDER" >&2
    exit 2
fi
file=$1
spec=$2
folder=$3
: "${SEKISHO:=sekisho}" "${ALLOW_BAD:=0}" "${TRIES:=3}" "${PAUSE_SECONDS:=300}"
mkdir -p "$folder"

# Held as long as this script or the command it started lives, however they end; the file itself
# means nothing and stays.
exec 9>"$folder/nightly.lock"
if ! flock -n 9; then
    echo "nightly.sh: the last night still works on $folder; this one did nothing" >&2
    exit 75
fi

say() {
    printf '%s %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$*" >> "$folder/nightly.log"
}

# The same command goes on where it stopped, so trying again is safe: no row is asked twice.
try=1
while :; do
    say "try $try: $file with $spec"
    status=0
    "$SEKISHO" run "$file" --spec "$spec" --allow-bad "$ALLOW_BAD" --json \
        --out "$folder/answers.csv" \
        > "$folder/report.json.new" 2>> "$folder/nightly.log" || status=$?
    if [ "$status" -ne 3 ] || [ "$try" -ge "$TRIES" ]; then
        break
    fi
    try=$((try + 1))
    sleep "$PAUSE_SECONDS"
done
mv "$folder/report.json.new" "$folder/report.json"
say "exit status $status"

if [ "$status" -ne 0 ]; then
    echo "nightly.sh: $file ended with exit status $status; see $folder/nightly.log"
    cat "$folder/report.json"
fi
exit "$status"
