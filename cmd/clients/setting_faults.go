package main

import (
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"clients/domain"
)

// settingFaults collects everything that is wrong with the settings, a line each. Its methods read one setting, and
// note what is wrong with it.
type settingFaults []string

func (f settingFaults) Error() string { return strings.Join(f, "\n") }

func (f *settingFaults) add(variable, format string, args ...any) {
	*f = append(*f, variable+": "+fmt.Sprintf(format, args...))
}

// address reads host:port. Where loopbackOnly says why, nobody outside of this machine may reach it.
func (f *settingFaults) address(variable, value, loopbackOnly string) string {
	host, port, err := net.SplitHostPort(value)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	switch {
	case err != nil:
		f.add(variable, "%q is not host:port", value)
	case loopbackOnly != "" && host != "localhost" && !net.ParseIP(host).IsLoopback():
		f.add(variable, "%q is not a loopback address: %s", value, loopbackOnly)
	}
	return value
}

func (f *settingFaults) folder(variable, value string) string {
	if value == "" {
		f.add(variable, "is empty")
	}
	return value
}

func (f *settingFaults) replicas(variable, value string) int {
	if value != "" && value != "1" {
		f.add(variable, "%q is not 1, which is what the embedded server can hold", value)
	}
	return 1
}

// currency reads what a client created without a currency gets: it must be one that a client can have.
func (f *settingFaults) currency(variable, value string) string {
	named := "a client"
	_, err := domain.Decide(domain.Client{}, domain.References{}, domain.CreateClient{ID: 1, Draft: domain.Draft{Name: &named}, DefaultCurrency: value})
	if err != nil {
		f.add(variable, "%v", err)
	}
	return value
}

// oneOf reads one of several words.
func (f *settingFaults) oneOf(variable, value string, words ...string) string {
	if !slices.Contains(words, value) {
		f.add(variable, "%q is none of: %s", value, strings.Join(words, ", "))
	}
	return value
}

func (f *settingFaults) level(variable, value string) (level slog.Level) {
	if err := level.UnmarshalText([]byte(value)); err != nil {
		f.add(variable, "%q is none of: debug, info, warn, error", value)
	}
	return level
}

func (f *settingFaults) duration(variable, value string, most time.Duration) time.Duration {
	d, err := time.ParseDuration(value)
	if err != nil || d < 0 || d > most {
		f.add(variable, "%q is not a duration between 0s and %s", value, most)
	}
	return d
}
