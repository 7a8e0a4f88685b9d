# SPDX-License-Identifier: GPL-2.0-only
# TAP of a test of upstream's, so that every point has a name of its own and nothing ends early unseen:
# - cow and gup_longterm say what they try in `# [RUN] ...` and, before 6.16 or so, give points a text that differs with
#   the result: the name is what was tried, the text a comment.
# - `refused`, an expression on names: what the kernel must refuse here although upstream's test, which knows nothing of
#   it, wants it to work; `why` is the reason. Not refused is a failure, and so is anything else that goes wrong.
# - `known`, an expression on names: what fails on the kernel that is tested for a reason that `known_why` gives, a defect
#   that kernels without a patch have too. It may pass as well.
# - The plan comes last, and only if all points came and the program's end fits them.

/^1\.\.[0-9]/ {
	if (/# *[Ss][Kk][Ii][Pp]/)
		print
	else
		plan = substr($1, 4) + 0
	next
}
# Counted again by whoever reads this, after what is refused was taken out.
/^# Totals:/ { next }
/^Bail out! [0-9]+ out of [0-9]+ tests failed/ { next }
/^# pgmap: exit / { code = $4 + 0; next }
/^# \[RUN\] / { tried = substr($0, 9) }
/^(not )?ok [0-9]+/ {
	seen++
	good = /^ok/
	text = $0
	sub(/^(not )?ok [0-9]+ */, "", text)
	directive = ""
	if (match(text, /# *(SKIP|XFAIL|XPASS|TODO|ERROR)/)) {
		directive = substr(text, RSTART)
		text = substr(text, 1, RSTART - 1)
	}
	sub(/ +$/, "", text)
	name = text
	if (tried != "") {
		name = tried
		if (text != "" && text != tried)
			print "# " text
	}
	if (refused != "" && name ~ refused && directive == "") {
		if (good)
			print "# It must be refused: " why
		else if (text ~ refusal || said ~ refusal)
			directive = "# XFAIL " why
		good = 0
		expected++
	}
	if (known != "" && name ~ known && directive == "" && !good) {
		directive = "# XFAIL " known_why
		expected++
	}
	if (!good && directive == "")
		failed++
	print (good ? "ok " : "not ok ") seen " " name (directive == "" ? "" : " ") directive
	fflush()
	next
}
{
	said = $0
	print
	fflush()
}
BEGIN { refusal = "PIN_LONGTERM_TEST_START failed" }
END {
	if (code > 128) {
		print "not ok " ++seen " comes to its end: killed by signal " code - 128 (tried == "" ? "" : " in: " tried)
		print "1.." seen
	} else if (plan != "" && seen == plan) {
		if (code != 0 && !failed && !expected)
			print "Bail out! All is well, yet it exited with " code
		print "1.." seen
	}
}
