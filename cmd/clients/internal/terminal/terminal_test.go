package terminal_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"clients/cmd/clients/internal/terminal"

	"github.com/stretchr/testify/require"
)

func TestReport(t *testing.T) {
	t.Parallel()
	cause := errors.New("connection refused")
	for _, row := range []struct {
		err  error
		want string
	}{
		{cause, "error: connection refused\n"},
		{errors.Join(errors.New("A: is empty"), errors.New("B: is empty")), "error: A: is empty\nerror: B: is empty\n"},
		{fmt.Errorf("verify: %w", terminal.WithHint(cause, "use --data-dir %s", "DIR")), "error: verify: connection refused\nhint: use --data-dir DIR\n"},
		{terminal.WithHint(terminal.WithHint(cause, "near"), "far"), "error: connection refused\nhint: near\n"},
		{errors.New("dial nats://ann:secret@host: refused"), "error: dial nats://xxxxx@host: refused\n"},
	} {
		var b strings.Builder
		terminal.Report(&b, row.err)
		require.Equal(t, row.want, b.String())
	}
	require.NoError(t, terminal.WithHint(nil, "nothing"))
}

func TestRedact(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"user ann:$2a$10$abcdefghij is wrong":                                 "user xxxxx is wrong",
		"token eyJhbGciOi.eyJqdGki.c2ln":                                      "token xxxxx",
		"seed SU" + strings.Repeat("A", 56):                                   "seed xxxxx",
		"key -----BEGIN PRIVATE KEY-----\nsecret":                             "key xxxxx",
		"-----BEGIN KEY-----\nsecret\n-----END KEY-----: no file\nnext fault": "xxxxx: no file\nnext fault",
		"nats://127.0.0.1:4222":                                               "nats://127.0.0.1:4222",
	} {
		require.Equal(t, want, terminal.Redact(text))
	}
}

func TestPrintable(t *testing.T) {
	t.Parallel()
	require.Equal(t, "Söhne & Co", terminal.Printable("Söhne & Co"))
	require.Equal(t, "a\ufffd[2Jb\ufffd", terminal.Printable("a\x1b[2Jb\n"))
	require.Equal(t, "a\ufffd[2J\n\tb", terminal.PrintableLines("a\x1b[2J\n\tb"))
}

func TestProgressDrawsOnlyOnATerminal(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	bar := terminal.NewProgress(&b, 100, "bytes")
	_, err := bar.Write([]byte("text"))
	require.NoError(t, err)
	bar.Clear()
	require.Empty(t, b.String())
}
