package transport

import (
	"mime"
	"net/http"
	"strconv"
	"strings"

	"clients/transport/wire"
)

// format is the format of a response.
type format string

const (
	formatXML  format = "xml"
	formatJSON format = "json"
	formatHTML format = "html" // of the console
)

// encoding returns the encoding of all but HTML.
func (f format) encoding() *wire.Encoding {
	if f == formatJSON {
		return wire.JSON
	}
	return wire.XML
}

func (f format) contentType() string {
	if f == formatHTML {
		return "text/html; charset=utf-8"
	}
	return f.encoding().ContentType
}

// negotiate chooses by the path's suffix, else Accept, else the request's Content-Type, else XML.
func negotiate(suffix string, header http.Header) format {
	if suffix != "" {
		return format(suffix[1:])
	}
	if accept := header.Get("Accept"); accept != "" {
		if f, ok := preferred(header, mediaFormat); ok {
			return f
		}
	}
	if mediaFormat(header.Get("Content-Type")) == formatJSON {
		return formatJSON
	}
	return formatXML
}

// preferred is the format that the header Accept wants most, the first of those it wants equally. It is XML where the header wants
// none; ok is false where it leaves the choice open. formatOf returns the format of a media type, or "".
func preferred(header http.Header, formatOf func(media string) format) (f format, ok bool) {
	f, ok = formatXML, true
	best := 0.0
	for part := range strings.SplitSeq(strings.Join(header.Values("Accept"), ","), ",") {
		media, parameters, _ := mime.ParseMediaType(strings.TrimSpace(part))
		q := 1.0
		if given, err := strconv.ParseFloat(parameters["q"], 64); err == nil {
			q = given
		}
		candidate := formatOf(media)
		open := media == "*/*" || media == "application/*"
		if q <= best || candidate == "" && !open {
			continue
		}
		best, ok = q, !open
		if !open {
			f = candidate
		}
	}
	return f, ok
}

// mediaFormat is the format of a media type, or "".
func mediaFormat(contentType string) format {
	media, _, _ := strings.Cut(strings.ToLower(contentType), ";")
	switch media = strings.TrimSpace(media); {
	case media == "application/json", media == "text/json", media == "text/x-json", strings.HasSuffix(media, "+json"):
		return formatJSON
	case media == "application/xml", media == "text/xml", media == "application/x-xml", strings.HasSuffix(media, "+xml") && media != "application/xhtml+xml":
		return formatXML
	}
	return ""
}
