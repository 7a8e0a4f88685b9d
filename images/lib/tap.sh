# SPDX-License-Identifier: GPL-2.0-only
# TAP for shell tests: `. /pgmap/lib/tap.sh`, one call per result, `tap_done` last. A test that ends without
# tap_done has no plan, and that is an ERROR: nothing passes by dying early.

tap_count=0
tap_failed=0

tap_ok() { # NAME
	tap_count=$((tap_count + 1))
	echo "ok $tap_count $*"
}

tap_not_ok() { # NAME [LINE OF DETAIL...]
	tap_count=$((tap_count + 1))
	tap_failed=1
	tap_name=$1
	shift
	for tap_line; do tap_note "$tap_line"; done
	echo "not ok $tap_count $tap_name"
}

tap_skip() { # NAME REASON
	tap_count=$((tap_count + 1))
	echo "ok $tap_count $1 # SKIP $2"
}

tap_skip_all() { # REASON
	echo "1..0 # SKIP $*"
	exit 0
}

tap_note() { printf '%s\n' "$*" | sed 's/^/# /'; }

# What cannot be tested at all because something other than the kernel broke.
tap_bail() {
	echo "Bail out! $*"
	exit 1
}

# NAME COMMAND...: passes if the command does; its output is shown if it does not. Not in a subshell: a function may
# set variables.
tap_try() {
	tap_trying=$1
	shift
	if "$@" >/tmp/tap_output 2>&1; then
		tap_ok "$tap_trying"
	else
		tap_not_ok "$tap_trying" "exit $? of: $*" "$(cat /tmp/tap_output)"
		return 1
	fi
}

# NAME COMMAND...: passes if the command fails.
tap_refuse() {
	tap_name=$1
	shift
	if tap_output=$("$@" 2>&1); then
		tap_not_ok "$tap_name" "succeeded, but must be refused: $*" "$tap_output"
		return 1
	fi
	tap_ok "$tap_name"
}

# NAME WANT GOT
tap_is() {
	if [ "$2" = "$3" ]; then
		tap_ok "$1"
	else
		tap_not_ok "$1" "want: $2" "got:  $3"
		return 1
	fi
}

tap_done() {
	echo "1..$tap_count"
	exit $tap_failed
}

# SECONDS COMMAND...: waits until the command succeeds. Fails after that time.
wait_for() {
	wait_left=$(($1 * 20 * ${PGMAP_SLOWER:-1}))
	shift
	until "$@" >/dev/null 2>&1; do
		wait_left=$((wait_left - 1))
		[ $wait_left -gt 0 ] || return 1
		usleep 50000
	done
}

# plug ID | unplug ID | resize ID SIZE: asks the lab to do it with a device of the topology's `hotplug` list.
# The answer comes on standard input: `ok`, or `error TEXT`, which is then in $lab_error.
lab() {
	echo "# pgmap: lab $*"
	IFS= read -r lab_answer || tap_bail "the lab did not answer: $*"
	lab_error=${lab_answer#error }
	[ "$lab_answer" = ok ]
}

# SECONDS COMMAND...: fails if the command fails or is not over after that time; then it is left behind, because a
# task that is stuck in the kernel cannot be killed. Output goes to /tmp/in_time.
in_time() {
	in_time_left=$(($1 * 20 * ${PGMAP_SLOWER:-1}))
	shift
	"$@" >/tmp/in_time 2>&1 </dev/null &
	in_time_pid=$!
	while kill -0 $in_time_pid 2>/dev/null; do
		in_time_left=$((in_time_left - 1))
		if [ $in_time_left -le 0 ]; then
			echo "not over in time, stuck at: $(cat /proc/$in_time_pid/wchan 2>/dev/null)"
			return 124
		fi
		usleep 50000
	done
	wait $in_time_pid && return
	cat /tmp/in_time
	return 1
}

# FILE: the results of a program's TAP as one's own. Without its plan that program did not come to its end.
tap_include() {
	while IFS= read -r tap_line; do
		case $tap_line in
		"ok "*) tap_ok "${tap_line#ok * }" ;;
		"not ok "*) tap_not_ok "${tap_line#not ok * }" ;;
		1..*) tap_plan=${tap_line#1..} ;;
		*) echo "$tap_line" ;;
		esac
	done <"$1"
	[ -n "$tap_plan" ] || tap_not_ok "the program came to its end" "no plan in $1"
	tap_plan=
}
