package main

import (
	"fmt"
	"reflect"
	"strconv"

	"github.com/alecthomas/kong"
)

// decimalNumbers reads the numbers of flags and arguments in base 10. By default 010 is 8.
func decimalNumbers() kong.Option {
	return kong.OptionFunc(func(k *kong.Kong) error {
		for _, kind := range []reflect.Kind{reflect.Int, reflect.Int64, reflect.Uint32, reflect.Uint64} {
			if err := kong.KindMapper(kind, kong.MapperFunc(decodeDecimal)).Apply(k); err != nil {
				return err
			}
		}
		return nil
	})
}

// decodeDecimal sets target to the next number of the command line.
func decodeDecimal(c *kong.DecodeContext, target reflect.Value) error {
	token, err := c.Scan.PopValue("number")
	if err != nil {
		return err
	}
	text, bits := token.String(), target.Type().Bits()
	if target.CanInt() {
		var n int64
		n, err = strconv.ParseInt(text, 10, bits)
		target.SetInt(n)
	} else {
		var n uint64
		n, err = strconv.ParseUint(text, 10, bits)
		target.SetUint(n)
	}
	if err != nil {
		return fmt.Errorf("invalid number %q", text)
	}
	return nil
}
