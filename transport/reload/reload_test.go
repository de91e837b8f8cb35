package reload_test

import (
	"errors"
	"testing"

	"clients/transport/reload"

	"github.com/stretchr/testify/require"
)

// file is a file that a test writes to.
type file struct {
	content string
	err     error
	made    int
}

func (f *file) read() (reload.Content, error) {
	if f.err != nil {
		return nil, f.err
	}
	return reload.Content{"file": []byte(f.content)}, nil
}

var errBad = errors.New("bad")

func (f *file) make(c reload.Content) (string, error) {
	f.made++
	if text := string(c["file"]); text != "bad" && text != "worse" {
		return text, nil
	}
	return "", errBad
}

func TestInvalidFilesAreNotOpened(t *testing.T) {
	t.Parallel()
	gone := errors.New("gone")
	f := &file{err: gone}
	_, err := reload.Open(f.read, f.make, nil)
	require.ErrorIs(t, err, gone)
	f = &file{content: "bad"}
	_, err = reload.Open(f.read, f.make, nil)
	require.ErrorIs(t, err, errBad)
}

func TestAChangeIsReportedOnceAndAnInvalidOneChangesNothing(t *testing.T) {
	t.Parallel()
	f := &file{content: "one"}
	kept, err := reload.Open(f.read, f.make, nil)
	require.NoError(t, err)
	for _, step := range []struct {
		content  string
		err      error
		changed  bool
		reported error
		kept     string
		stale    bool
	}{
		{content: "one", kept: "one"},
		{content: "two", changed: true, kept: "two"},
		{content: "two", kept: "two"},
		{content: "bad", reported: errBad, kept: "two", stale: true},
		{content: "bad", kept: "two", stale: true},
		{content: "worse", reported: errBad, kept: "two", stale: true},
		{err: errBad, reported: errBad, kept: "two", stale: true},
		{err: errBad, kept: "two", stale: true},
		{content: "two", changed: true, kept: "two"},
		{content: "three", changed: true, kept: "three"},
	} {
		f.content, f.err = step.content, step.err
		changed, err := kept.Reload()
		require.Equal(t, step.changed, changed, "%+v", step)
		require.ErrorIs(t, err, step.reported)
		require.Equal(t, step.kept, kept.Get())
		require.Equal(t, step.stale, kept.Stale())
	}
	require.Equal(t, 6, f.made, "what has not changed is not made again")
}

func TestTheValidRestOfTheLastFilesIsUsed(t *testing.T) {
	t.Parallel()
	f := &file{content: "one"}
	kept, err := reload.Open(f.read, f.make, func(last string, content reload.Content) string { return last + " beside " + string(content["file"]) })
	require.NoError(t, err)
	f.content = "bad"
	_, err = kept.Reload()
	require.ErrorIs(t, err, errBad)
	require.Equal(t, "one beside bad", kept.Get())
	f.content = "two"
	_, err = kept.Reload()
	require.NoError(t, err)
	require.Equal(t, "two", kept.Get())
}
