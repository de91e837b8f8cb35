package transport

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// parseMoment reads a date, or a date and a time of day, as ISO 8601, mail headers, and the text forms of time values in
// Ruby, Go and JavaScript have them. It is UTC unless an offset or a zone says otherwise. An offset whose plus was not
// encoded in a query arrives with a blank in its place. It reads one part after the other, in any order, each at most
// once; what it does not know is an error.
func parseMoment(text string) (time.Time, error) {
	m := moment{rest: strings.ToUpper(strings.TrimSpace(text)), year: -1}
	for m.rest != "" {
		if !m.part() {
			return time.Time{}, errSince
		}
		m.skipBlanks()
	}
	at := time.Date(m.year, m.month, m.day, m.hour, m.minute, m.second, 0, time.UTC)
	if m.year < 0 || at.Day() != m.day || at.Month() != m.month || m.hour > 23 || m.minute > 59 || m.second > 59 {
		return time.Time{}, errSince
	}
	return at.Add(-m.offset), nil
}

// moment is what has been read of a moment.
type moment struct {
	rest                 string // not read yet
	year                 int    // -1 for none
	month                time.Month
	day                  int // 0 for none
	hour, minute, second int
	timed                bool
	offset               time.Duration // east of Greenwich
	shifted              bool          // there is an offset
	zoned                bool          // there is the name of a zone
}

// The parts, in capitals. RE2 cannot look ahead: that no digit follows is found out afterwards.
var (
	isoDate     = regexp.MustCompile(`^(\d{4})[-/](\d{1,2})[-/](\d{1,2})`)
	compactDate = regexp.MustCompile(`^(\d{4})(\d{2})(\d{2})(?:T?(\d{2})(\d{2})(\d{2})?)?`)
	halfDayTime = regexp.MustCompile(`^(\d{1,2})(?::(\d{2})(?::(\d{2})(?:[.,]\d+)?)?)?[\s+]*([AP])\.?M\b\.?`)
	fullDayTime = regexp.MustCompile(`^(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,]\d+)?)?`)
	zoneOffset  = regexp.MustCompile(`^([-+])(\d{2})(?::?(\d{2}))?`)
	bareOffset  = regexp.MustCompile(`^()(0\d|1[0-4]):?(\d{2})`)
	dayOrYear   = regexp.MustCompile(`^(\d{4}|\d{1,2})`)
	nameOfPart  = regexp.MustCompile(`^([A-Z]+)`)
	comment     = regexp.MustCompile(`^(?:\([^()]*\)|M=[-+ ][\d.]+)`) // the name of a zone, or Go's monotonic clock
	separator   = regexp.MustCompile(`^T\d`)                          // of date and time
)

// skipBlanks skips what separates parts: also a plus, a blank that was encoded twice, unless an offset begins with it.
func (m *moment) skipBlanks() {
	m.rest = strings.TrimLeft(m.rest, ",")
	for strings.HasPrefix(m.rest, "+") && !(m.timed && !m.shifted && zoneOffset.MatchString(m.rest)) {
		m.rest = m.rest[1:]
	}
	m.rest = strings.TrimLeft(m.rest, " ,\t")
}

// part reads the next part.
func (m *moment) part() bool {
	if m.timed && m.read(bareOffset, m.setOffset) {
		return true
	}
	if m.read(isoDate, m.setDate) || m.read(compactDate, m.setDate) {
		if separator.MatchString(m.rest) {
			m.rest = m.rest[1:]
		}
		return true
	}
	return m.read(halfDayTime, m.setTime) || m.read(fullDayTime, m.setTime) || m.read(zoneOffset, m.setOffset) ||
		m.read(dayOrYear, m.setNumber) || m.read(comment, func([]string) bool { return m.timed }) || m.read(nameOfPart, m.setName)
}

// read reads a part that set accepts and no digit follows.
func (m *moment) read(part *regexp.Regexp, set func(groups []string) bool) bool {
	groups := part.FindStringSubmatch(m.rest)
	if groups == nil {
		return false
	}
	rest := m.rest[len(groups[0]):]
	if rest != "" && (rest[0] >= '0' && rest[0] <= '9' || rest[0] == ':') || !set(groups) {
		return false
	}
	m.rest = rest
	return true
}

func (m *moment) setDate(groups []string) bool {
	if m.year >= 0 || m.day != 0 || m.month != 0 {
		return false
	}
	m.year, m.month, m.day = atoi(groups[1]), time.Month(atoi(groups[2])), atoi(groups[3])
	if len(groups) > 4 && groups[4] != "" {
		return m.setTime(groups[3:])
	}
	return true
}

func (m *moment) setTime(groups []string) bool {
	if m.timed {
		return false
	}
	m.timed, m.hour, m.minute, m.second = true, atoi(groups[1]), atoi(groups[2]), atoi(groups[3])
	if len(groups) < 5 {
		return true
	}
	valid := 1 <= m.hour && m.hour <= 12
	if m.hour %= 12; groups[4] == "P" {
		m.hour += 12
	}
	return valid
}

// setOffset accepts the same offset twice: Go prints the one of a zone without a name so.
func (m *moment) setOffset(groups []string) bool {
	hours, minutes := atoi(groups[2]), atoi(groups[3])
	east := time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute
	if groups[1] == "-" {
		east = -east
	}
	if !m.timed || hours > 23 || minutes > 59 || m.shifted && m.offset != east {
		return false
	}
	m.offset, m.shifted = east, true
	return true
}

// setNumber reads a day or, behind it, a year.
func (m *moment) setNumber(groups []string) bool {
	n, digits := atoi(groups[1]), len(groups[1])
	switch {
	case digits <= 2 && m.day == 0:
		m.day = n
		return n > 0
	case m.year >= 0:
		return false
	case digits == 2 && n < 69: // as RFC 822 has it
		n += 2000
	case digits == 2:
		n += 1900
	}
	m.year = n
	return digits != 1
}

// setName reads the name of a month, of a day of the week, or of a zone. Behind an offset the zone can have any name.
func (m *moment) setName(groups []string) bool {
	name := groups[1]
	for month := time.January; month <= time.December; month++ {
		if abbreviates(name, month.String()) {
			unset := m.month == 0
			m.month = month
			return unset
		}
	}
	for day := time.Sunday; day <= time.Saturday; day++ {
		if abbreviates(name, day.String()) {
			return true
		}
	}
	if m.zoned {
		return false
	}
	m.zoned = true
	hours, known := zones[name]
	if known && m.timed && !m.shifted {
		m.offset = time.Duration(hours) * time.Hour
	}
	return known && (m.timed || hours == 0) || m.shifted && len(name) <= 5
}

// zones are those of RFC 2822, in hours east of Greenwich.
var zones = map[string]int{
	"UTC": 0, "GMT": 0, "UT": 0, "Z": 0, "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7,
}

func abbreviates(name, full string) bool {
	return len(name) >= 3 && strings.HasPrefix(strings.ToUpper(full), name)
}

// atoi reads digits; nothing is 0.
func atoi(digits string) int {
	n, _ := strconv.Atoi(digits)
	return n
}
