package wire_test

import (
	"clients/domain"
	"clients/transport/wire"
)

func decodeXML(document []byte, label string) (a domain.ClientAttributes, err error) {
	err = wire.DecodeXML(document, label, &a)
	return a, err
}

func decodeJSON(document []byte, label string) (a domain.ClientAttributes, err error) {
	err = wire.DecodeJSON(document, label, &a)
	return a, err
}
