package config

import (
	"errors"

	"clients/domain"
)

// Account is a flag with the name of an account; empty if it is not given.
type Account string

// Validate checks the name.
func (a Account) Validate() error {
	if !domain.ValidAccount(string(a)) {
		return errors.New("must be 1 to 63 of a-z, 0-9 and -")
	}
	return nil
}

// Positive is a flag or argument above 0; 0 if it is not given.
type Positive int64

// Validate checks the number.
func (n Positive) Validate() error {
	if n <= 0 {
		return errors.New("must be above 0")
	}
	return nil
}
