package transport

import (
	"fmt"
	"hash/crc64"
	"net/http"
	"strconv"
	"strings"

	"clients/domain"
)

// tagCompressed ends the tag of a compressed response, which is another representation.
const tagCompressed = "-gzip"

// tag returns the strong entity tag of a client or a list: its revision and format.
func tag(revision domain.Revision, f format) string {
	b := append(make([]byte, 0, 48), '"')
	b = append(strconv.AppendUint(b, revision.Version, 16), '-')
	b = append(strconv.AppendUint(b, revision.Checksum, 16), '-')
	return string(append(append(b, f...), '"'))
}

// contentTag returns the strong entity tag of a file or a page, which differs with the path of the next one.
func contentTag(page []byte, next string) string {
	table := crc64.MakeTable(crc64.ECMA)
	return fmt.Sprintf(`"%x"`, crc64.Update(crc64.Checksum(page, table), table, []byte(next)))
}

// parseTag returns the revision in a tag of any format and compression.
func parseTag(given string) (domain.Revision, bool) {
	given, opened := strings.CutPrefix(given, `"`)
	given, closed := strings.CutSuffix(given, `"`)
	parts := strings.Split(given, "-")
	if !opened || !closed || len(parts) < 3 {
		return domain.Revision{}, false
	}
	version, err1 := strconv.ParseUint(parts[0], 16, 64)
	checksum, err2 := strconv.ParseUint(parts[1], 16, 64)
	return domain.Revision{Version: version, Checksum: checksum}, err1 == nil && err2 == nil
}

// ifMatch returns the revisions that the client may have, or nil for any. Weak and foreign tags match nothing.
func ifMatch(header http.Header) []domain.Revision {
	given := header.Values("If-Match")
	if len(given) == 0 || isAny(given) {
		return nil
	}
	revisions := []domain.Revision{}
	for _, one := range tags(given) {
		if revision, ok := parseTag(one); ok {
			revisions = append(revisions, revision)
		}
	}
	return revisions
}

// isAny reports whether values are an asterisk. In a list it would be part of a tag, which may have commas.
func isAny(values []string) bool { return strings.TrimSpace(strings.Join(values, ",")) == "*" }

// noneMatch returns the form of current that If-None-Match names, plain or compressed, weak or strong: the caller has that
// representation. It returns "" if it names neither.
func noneMatch(header http.Header, current string) string {
	given := header.Values("If-None-Match")
	if isAny(given) {
		return current
	}
	compressed := strings.TrimSuffix(current, `"`) + tagCompressed + `"`
	for _, one := range tags(given) {
		switch strings.TrimPrefix(one, "W/") {
		case current:
			return current
		case compressed:
			return compressed
		}
	}
	return ""
}

func tags(values []string) []string {
	all := strings.Split(strings.Join(values, ","), ",")
	for i := range all {
		all[i] = strings.TrimSpace(all[i])
	}
	return all
}
