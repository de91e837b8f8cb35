package main

import (
	"crypto/tls"
	"errors"
	"strconv"

	"clients/transport/login"
)

// apiAddress reads where the API listens: without logins on loopback only.
func (f *settingFaults) apiAddress(variable, value string, logins bool) string {
	why := "without logins (CLIENTS_CREDENTIALS_DIR) the API is served on loopback only"
	if logins {
		why = ""
	}
	return f.address(variable, value, why)
}

// users reads the folder of users; nil where there is none.
func (f *settingFaults) users(variable, dir string) *login.Users {
	if dir == "" {
		return nil
	}
	users, err := login.ReadUsers(dir)
	var faults login.Faults
	switch {
	case errors.As(err, &faults):
		for _, fault := range faults {
			f.add(variable, "%s", fault)
		}
	case err != nil:
		f.add(variable, "%v", err)
	}
	return users
}

func (f *settingFaults) count(variable, value string) int {
	n, err := strconv.ParseInt(value, 10, 32)
	if err != nil || n < 0 {
		f.add(variable, "%q is not a number from 0 on", value)
	}
	return int(n)
}

// certificate makes sure that two files are a certificate and its key.
func (f *settingFaults) certificate(certVariable, cert, keyVariable, key string) {
	switch {
	case cert == "" && key == "":
		return
	case key == "":
		f.add(certVariable, "goes with %s, which is not set", keyVariable)
		return
	case cert == "":
		f.add(keyVariable, "goes with %s, which is not set", certVariable)
		return
	}
	readable := f.readable(certVariable, cert)
	if !f.readable(keyVariable, key) || !readable {
		return
	}
	if _, err := tls.LoadX509KeyPair(cert, key); err != nil {
		f.add(certVariable, "%v", err)
	}
}
