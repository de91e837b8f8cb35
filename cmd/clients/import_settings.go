package main

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/url"
	"os"
	"strings"
)

// settings reads the flags, or tells all their faults.
func (c *importCommand) settings() (*importService, error) {
	var faults settingFaults
	service := &importService{base: faults.service("--url (CLIENTS_IMPORT_URL)", c.URL)}
	user, password, found := strings.Cut(c.Login, ":")
	if c.Login != "" && (!found || user == "") {
		faults = append(faults, "--login (CLIENTS_IMPORT_LOGIN) is not <user>:<password>")
	}
	service.user, service.password = user, password
	if c.Callers < 1 || c.Callers > 64 {
		faults = append(faults, "--callers must be 1 to 64")
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = max(c.Callers, 1)
	if c.CA != "" {
		transport.TLSClientConfig = &tls.Config{RootCAs: faults.authorities("--ca (CLIENTS_IMPORT_CA)", c.CA)}
	}
	service.client = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	switch {
	case c.Journal != "":
	case c.File == "-":
		faults = append(faults, "--journal is missing: a list on the standard input takes one")
	default:
		c.Journal = c.File + ".imported"
	}
	if faults != nil {
		return nil, faults
	}
	return service, nil
}

// service reads the URL of a service, and answers it as it is compared with others.
func (f *settingFaults) service(flag, value string) string {
	u, err := url.Parse(value)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.RawQuery != "" || u.Fragment != "":
		*f = append(*f, flag+" is not the URL of a service, as http://127.0.0.1:8080")
		return ""
	case u.User != nil:
		*f = append(*f, flag+" holds a login: that is for --login (CLIENTS_IMPORT_LOGIN)")
		return ""
	}
	host := strings.ToLower(u.Host)
	host = strings.TrimSuffix(host, map[string]string{"http": ":80", "https": ":443"}[u.Scheme])
	return (&url.URL{Scheme: u.Scheme, Host: host, Path: strings.TrimRight(u.Path, "/")}).String()
}

// authorities reads a file of certificate authorities.
func (f *settingFaults) authorities(flag, path string) *x509.CertPool {
	content, err := os.ReadFile(path)
	pool := x509.NewCertPool()
	if err != nil {
		*f = append(*f, flag+": "+err.Error())
	} else if !pool.AppendCertsFromPEM(content) {
		*f = append(*f, flag+": "+path+" holds no certificate")
	}
	return pool
}
