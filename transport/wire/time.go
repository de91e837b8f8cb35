package wire

import (
	"regexp"
	"strings"
	"time"
)

// ParseTime parses a date, or a date and a time of day, in the formats of ISO 8601, of mail headers, and of the text forms
// of time values in Ruby, Go and JavaScript. It is UTC unless an offset or a zone says otherwise, and has whole seconds. A
// plus sign that was not encoded in the query arrives as a blank, and a blank that was encoded twice as a plus sign. ok is
// false if text is none of this.
//
// The text is first rewritten into a few common formats, which are then parsed with layouts of package time.
func ParseTime(text string) (t time.Time, ok bool) {
	for _, layout := range commonLayouts {
		if t, err := time.Parse(layout, text); err == nil {
			return t.Truncate(time.Second), true
		}
	}
	text = strings.ToUpper(text)
	for _, r := range rewrites {
		text = r.pattern.ReplaceAllString(text, r.with)
	}
	if m := offsetTwice.FindStringSubmatch(text); m != nil && m[2] == (m[3] + "00")[:4] {
		text = m[1] + m[4]
	}
	text = strings.TrimSpace(text)
	for _, layout := range timeLayouts {
		if t, err := time.Parse(layout, text); err == nil && !hourZero.MatchString(text) {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}

// commonLayouts holds the layouts that most callers use. They need no rewriting, which takes 30 µs.
var commonLayouts = []string{"2006-01-02 15:04", "2006-01-02 15:04:05", "2006-01-02 15:04:05 UTC", "2006-01-02T15:04:05Z", "2006-01-02"}

// timeLayouts holds the layouts of rewritten text. An offset follows an @.
var timeLayouts = func() (all []string) {
	dates := []string{"2006-1-2", "2 Jan 2006", "2 January 2006", "2 Jan 06", "Jan 2 2006", "January 2 2006"}
	for _, date := range dates {
		all = append(all, date, date+" UTC")
	}
	for _, clock := range []string{" 15:04", " 15:04:05", " 3:04PM", " 3:04:05PM", " 3PM"} {
		for _, date := range dates {
			all = append(all, date+clock, date+clock+" @-0700")
		}
		all = append(all, "Jan 2"+clock+" 2006", "Jan 2"+clock+" @-0700 2006")
	}
	return all
}()

var (
	offsetTwice = regexp.MustCompile(`^(.*@[-+](\d{4})) +[-+]?(\d{4}|\d{2})($| [A-Z]{1,5}$)`) // as Go prints a zone without a name
	hourZero    = regexp.MustCompile(`\b00?:\d\d(:\d\d)?[AP]M`)                               // which time.Parse accepts
)

type rewrite struct {
	pattern *regexp.Regexp
	with    string
}

// rewrites holds what is rewritten, in this order, in text in capitals.
var rewrites = func() (all []rewrite) {
	// clock is the end of a time of day, and the zone that may precede its offset.
	const clock, zone = `(:\d\d|[AP]M)`, `[ +]*(?:[A-Z]{3,5} *)?`
	rule := func(pattern, with string) { all = append(all, rewrite{regexp.MustCompile(pattern), with}) }
	rule(`(:\d\d:\d\d)[.,]\d+`, "$1")           // fractions of a second
	rule(`(:\d\d.*) M=[-+ ][\d.]+$`, "$1")      // Go's monotonic clock
	rule(`(:\d\d.*)\([^()]*\)$`, "$1")          // the name of a zone
	rule(`(\d)[ +]*([AP])\.?M\b\.?`, "$1${2}M") // 6:30 p.m.
	rule(`^[ +]*(?:SUN|MON|TUES?|WED(?:NES)?|THU(?:RS?)?|FRI|SAT(?:UR)?)(?:DAY)?\b,?`, "")
	rule(`\bSEPT\b`, "SEP")
	rule(`^ *(\d{4})[-/](\d{1,2})[-/](\d{1,2})T(\d)`, "$1-$2-$3 $4")
	rule(`^ *(\d{4})/(\d{1,2})/(\d{1,2})\b`, "$1-$2-$3")
	rule(`^ *(\d{4})(\d\d)(\d\d)T?(\d\d)(\d\d)(\d\d)(Z|[-+]|\b)`, "$1-$2-$3 $4:$5:$6$7")
	rule(`^ *(\d{4})(\d\d)(\d\d)T?(\d\d)(\d\d)(Z|[-+]|\b)`, "$1-$2-$3 $4:$5$6")
	rule(`^ *(\d{4})(\d\d)(\d\d)(?:T|\b)`, "$1-$2-$3 ")
	rule(clock+zone+`([-+])(?:([01]\d):?|(2[0-3]):)([0-5]\d)\b`, "$1 @$2$3$4$5") // +2026 is a year
	rule(clock+zone+`([-+])([01]\d|2[0-3])\b`, "$1 @$2${3}00")
	rule(`(^|[^@])\++`, "$1 ")
	rule(clock+zone+` (0\d|1[0-4]):?([0-5]\d)\b`, "$1 @+$2$3")
	rule(`(@[-+]\d{4}) +[A-Z]{1,5}$`, "$1") // the name of a zone, behind its offset
	rule(clock+` *(?:UTC|GMT|UT|Z)\b`, "$1 @+0000")
	for name, offset := range map[string]string{"EST": "05", "EDT": "04", "CST": "06", "CDT": "05", "MST": "07", "MDT": "06", "PST": "08", "PDT": "07"} {
		rule(clock+` *`+name+`\b`, "$1 @-"+offset+"00")
	}
	rule(` (?:GMT|UT|Z) *$`, " UTC") // of a date alone
	rule(`[ ,]+`, " ")
	return all
}()
