package eventstore

import (
	"encoding/json"
	"strconv"
)

// structured is an event in the JSON format of CloudEvents. The extension attributes are the texts of the headers.
type structured struct {
	SpecVersion     string          `json:"specversion"`
	ID              string          `json:"id"`
	Source          string          `json:"source"`
	Type            string          `json:"type"`
	Subject         string          `json:"subject"`
	Time            string          `json:"time"`
	DataContentType string          `json:"datacontenttype"`
	Actor           string          `json:"actor,omitempty"`
	CorrelationID   string          `json:"correlationid,omitempty"`
	CausationID     string          `json:"causationid,omitempty"`
	Traceparent     string          `json:"traceparent,omitempty"`
	ClientVersion   string          `json:"clientversion"`
	Checksum        string          `json:"checksum"`
	Data            json.RawMessage `json:"data"`
}

// CloudEvent returns an event in the structured mode of CloudEvents, as JSON on one line.
func (r Record) CloudEvent() ([]byte, error) {
	data, err := r.Data()
	if err != nil {
		return nil, err
	}
	return encodeJSON(structured{
		SpecVersion: specVersion, ID: r.EventID, Source: source, Type: r.Type, Subject: strconv.FormatInt(r.ClientID, 10),
		Time: clock(r.Time), DataContentType: contentType, Actor: r.Actor, CorrelationID: r.CorrelationID, CausationID: r.CausationID,
		Traceparent: r.Traceparent, ClientVersion: strconv.FormatUint(r.Version, 10), Checksum: hexSum(r.Checksum), Data: data,
	})
}
