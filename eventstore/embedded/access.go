package embedded

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"clients/eventstore/files"
	"clients/eventstore/partners"
	"clients/eventstore/upstream"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
	"golang.org/x/crypto/bcrypt"
)

// PartnerAccess is how partners connect to a server. The administrator can always log in with the password in the data
// directory.
type PartnerAccess int

// Ways for partners to connect.
const (
	NoPartners       PartnerAccess = iota // not at all
	PartnersLogIn                         // with the password in the data directory
	PartnersNeedNone                      // a connection without a login is a partner's
)

// The users, and the files in the data directory that other programs read.
const (
	adminUser           = "admin"
	adminPasswordName   = "admin-password"
	partnerUser         = "partner"
	partnerPasswordName = "partner-password"
	addressName         = "nats-address" // host:port
)

// partnerLimits is the account of partners, limited so that they cannot use up what the service itself needs. The server
// has no other way to limit a single account than its configuration.
const partnerLimits = `accounts { PARTNERS { limits { max_connections: 32, max_subscriptions: 1000 } } }`

// pendingLimit is how many bytes the server keeps for a connection that does not read, before it closes it.
const pendingLimit = 16 << 20

// setAccess sets who may connect, and returns the administrator's password.
func setAccess(options *server.Options, dir string, access PartnerAccess) (admin string, err error) {
	if admin, err = password(filepath.Join(dir, adminPasswordName)); err != nil {
		return "", err
	}
	secret, err := password(filepath.Join(dir, partnerPasswordName))
	if err != nil {
		return "", err
	}
	streams, partner, permissions, err := newAccounts()
	if err != nil {
		return "", err
	}
	options.Accounts = []*server.Account{streams, partner}
	users := []server.User{{Username: adminUser, Password: admin, Account: streams}}
	if access != NoPartners {
		users = append(users, server.User{Username: partnerUser, Password: secret, Account: partner, Permissions: permissions})
	}
	for _, u := range users {
		hash, err := bcrypt.GenerateFromPassword([]byte(u.Password), bcrypt.MinCost) // the password is random: a slower hash would protect it no better
		if err != nil {
			return "", err
		}
		u.Password = string(hash)
		options.Users = append(options.Users, &u)
	}
	if access != PartnersNeedNone {
		return admin, nil
	}
	anonymous, err := nkeys.CreateUser() // since the user of a connection without a login cannot have a hash for a password
	if err != nil {
		return "", err
	}
	options.NoAuthUser, err = anonymous.PublicKey()
	options.Nkeys = []*server.NkeyUser{{Nkey: options.NoAuthUser, Account: partner, Permissions: permissions}}
	return admin, err
}

// newAccounts returns the account of the streams, that of partners, and what a partner may do. The streams are in the server's
// global account, where they were before there were accounts, so that earlier releases can use the store.
func newAccounts() (streams, partner *server.Account, permissions *server.Permissions, err error) {
	var options server.Options
	if err := options.ProcessConfigString(partnerLimits); err != nil {
		return nil, nil, nil, err
	}
	streams, partner = server.NewAccount(streamsAccount), options.Accounts[0]
	publish := &server.SubjectPermission{}
	for _, s := range partners.Services(partners.Partner{Name: partnerUser, Sources: upstream.Streams()}) {
		publish.Allow = append(publish.Allow, s.Import) // and no subjects of its own, whose messages would wait for its slow readers
		responses := server.Singleton
		if s.Streamed {
			responses = server.Streamed
		}
		if err := streams.AddServiceExportWithResponse(s.Export, responses, []*server.Account{partner}); err != nil {
			return nil, nil, nil, fmt.Errorf("export %s: %w", s.Export, err)
		}
		if err := partner.AddServiceImport(streams, s.Import, s.Export); err != nil {
			return nil, nil, nil, fmt.Errorf("import %s: %w", s.Import, err)
		}
	}
	return streams, partner, &server.Permissions{Publish: publish}, nil
}

// password returns the content of the file at path. Where there is none, or it is empty, it writes a new password.
func password(path string) (string, error) {
	content, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	if secret := strings.TrimSpace(string(content)); secret != "" {
		return secret, os.Chmod(path, 0o600)
	}
	secret := rand.Text()
	return secret, files.Replace(path, []byte(secret))
}

// Admin returns where the server of a running service listens, and the option to log in there as the administrator. The
// errors are ErrNotRunning, and those of reading a file in the data directory.
func Admin(dir string) (address string, login nats.Option, err error) {
	content, err := os.ReadFile(filepath.Join(dir, addressName))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil, fmt.Errorf("%w: %w", ErrNotRunning, err)
	}
	if err != nil {
		return "", nil, err
	}
	// The password must not be sent to the address of a process that has ended: another user's process may listen there by now.
	lock, err := shareDir(dir)
	if err == nil {
		return "", nil, errors.Join(lock.Close(), fmt.Errorf("%w: no process uses %s", ErrNotRunning, dir))
	}
	if !errors.Is(err, ErrLocked) {
		return "", nil, err
	}
	secret, err := os.ReadFile(filepath.Join(dir, adminPasswordName))
	if err != nil {
		return "", nil, err
	}
	return string(content), nats.UserInfo(adminUser, strings.TrimSpace(string(secret))), nil
}
