package credentials_test

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clients/transport/credentials"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"
)

// hash returns a hash with the lowest cost, as htpasswd writes it.
func hash(t *testing.T, password string) string {
	t.Helper()
	h, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	require.NoError(t, err)
	return "$2y$" + strings.TrimPrefix(string(h), "$2a$")
}

// folder creates a folder with files.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, files)
	return dir
}

func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
	}
}

func TestAFolderIsReadAsHtpasswdWritesIt(t *testing.T) {
	t.Parallel()
	one, two := hash(t, "one"), hash(t, "two")
	dir := folder(t, map[string]string{
		"shop.htpasswd":     "# the shop\r\n\r\nann:" + one + "\r\n  bob@example.com:" + two + "  ",
		"a-2.htpasswd":      "\xEF\xBB\xBF" + "cäsar 7:" + strings.Replace(one, "$2y$", "$2b$", 1) + "\n\n",
		"empty.htpasswd":    "# empty\n",
		".hidden.htpasswd":  "nonsense",
		"readme.txt":        "nonsense",
		"shop.htpasswd.bak": "nonsense",
		"htpasswd":          "nonsense",
	})
	f, err := credentials.Open(dir)
	require.NoError(t, err)
	for _, c := range []struct{ name, password, account string }{
		{"ann", "one", "shop"}, {"bob@example.com", "two", "shop"}, {"cäsar 7", "one", "a-2"},
	} {
		user := f.Find(c.name)
		require.True(t, user.Known())
		require.Equal(t, c.account, user.Account)
		require.True(t, user.Verify(c.password), c.name)
		for _, wrong := range []string{"", "three", c.password + " ", user.Hash} {
			require.False(t, user.Verify(wrong), wrong)
		}
	}
	for _, name := range []string{"", "Ann", "ann ", "unknown", "# empty"} {
		user := f.Find(name)
		require.False(t, user.Known(), name)
		require.Empty(t, user.Account)
		require.False(t, user.Verify("one"))
	}
}

func TestInvalidFolders(t *testing.T) {
	t.Parallel()
	good := "ann:" + hash(t, "one")
	for name, c := range map[string]struct {
		files  map[string]string
		faults []string
	}{
		"no file":      {nil, []string{"no <account>.htpasswd file holds a user"}},
		"no user":      {map[string]string{"shop.htpasswd": "# empty\n\n", "x.txt": good}, []string{"no <account>.htpasswd file holds a user"}},
		"no account":   {map[string]string{"Shop.htpasswd": good, "a.htpasswd": "bob:" + hash(t, "two")}, []string{`Shop.htpasswd: "Shop" is not a valid account name`}},
		"too long":     {map[string]string{strings.Repeat("a", 64) + ".htpasswd": good}, []string{strings.Repeat("a", 64) + ".htpasswd: "}},
		"a token more": {map[string]string{"a.b.htpasswd": good}, []string{`a.b.htpasswd: "a.b" is not a valid account name`}},
		"two files":    {map[string]string{"a.htpasswd": good, "b.htpasswd": good}, []string{`user "ann" is in a.htpasswd and in b.htpasswd`}},
		"twice":        {map[string]string{"a.htpasswd": good + "\n" + good}, []string{`user "ann" is in a.htpasswd and in a.htpasswd`}},
		"lines": {map[string]string{"a.htpasswd": strings.Join([]string{
			good, "no colon", ":" + hash(t, "x"), "md5:$apr1$salt$hash", "plain:secret", "sha:{SHA}secret", "old:$2x$" + hash(t, "x")[4:],
			"short:" + hash(t, "x")[:59], "long:" + hash(t, "x") + "x", "more:" + hash(t, "x") + ":x", "slow:$2y$18" + hash(t, "x")[6:],
			"fast:$2y$03" + hash(t, "x")[6:], "un\x01printable:" + hash(t, "x"), "un\xffreadable:" + hash(t, "x"), strings.Repeat("x", 256) + ":" + hash(t, "x"),
		}, "\n")}, func() (faults []string) {
			for line := 2; line <= 15; line++ {
				faults = append(faults, fmt.Sprintf("a.htpasswd, line %d: ", line))
			}
			return faults
		}()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := credentials.Open(folder(t, c.files))
			f := faults(t, err)
			require.Len(t, f, len(c.faults), "%q", f)
			for i, fault := range c.faults {
				require.True(t, strings.HasPrefix(f[i], fault), "%q is not %q", f[i], fault)
				require.NotContains(t, f[i], "secret")
				require.NotContains(t, f[i], "\n")
				require.NotContains(t, f[i], "$2y$04")
			}
		})
	}
}

// faults returns the faults of a folder, a line each.
func faults(t *testing.T, err error) []string {
	t.Helper()
	require.Error(t, err)
	return strings.Split(err.Error(), "\n")
}

func TestAFolderThatCannotBeRead(t *testing.T) {
	t.Parallel()
	_, err := credentials.Open(filepath.Join(t.TempDir(), "missing"))
	require.Len(t, faults(t, err), 1)
	require.ErrorContains(t, err, "missing")
	_, err = credentials.Open(filepath.Join(folder(t, map[string]string{"file": ""}), "file"))
	require.Len(t, faults(t, err), 1)

	dir := folder(t, map[string]string{"a.htpasswd": "ann:" + hash(t, "one")})
	require.NoError(t, os.Mkdir(filepath.Join(dir, "b.htpasswd"), 0o700))
	require.NoError(t, os.Symlink("nowhere", filepath.Join(dir, "c.htpasswd")))
	_, err = credentials.Open(dir)
	require.Len(t, faults(t, err), 2)
	for _, name := range []string{"b.htpasswd", "c.htpasswd"} {
		require.ErrorContains(t, err, name)
	}
}

// A Kubernetes Secret is mounted as links into a folder that is itself a link, which is swapped at once.
func TestASecretIsSwapped(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	mount := func(version string, files map[string]string) {
		require.NoError(t, os.Mkdir(filepath.Join(dir, version), 0o700))
		for name, content := range files {
			require.NoError(t, os.WriteFile(filepath.Join(dir, version, name), []byte(content), 0o600))
		}
		require.NoError(t, os.Symlink(version, filepath.Join(dir, "..data_tmp")))
		require.NoError(t, os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")))
	}
	ann, bob := hash(t, "one"), hash(t, "two")
	mount("..2026_1", map[string]string{"a.htpasswd": "ann:" + ann, "b.htpasswd": "bob:" + bob})
	for _, name := range []string{"a.htpasswd", "b.htpasswd"} {
		require.NoError(t, os.Symlink(filepath.Join("..data", name), filepath.Join(dir, name)))
	}
	f, err := credentials.Open(dir)
	require.NoError(t, err)
	before := f.Find("ann")
	require.Equal(t, "a", before.Account)
	require.True(t, before.Same(f.Find("ann")))

	mount("..2026_2", map[string]string{"a.htpasswd": "bob:" + bob, "b.htpasswd": "ann:" + ann})
	changed, err := f.Reload()
	require.NoError(t, err)
	require.True(t, changed)
	require.Equal(t, "b", f.Find("ann").Account)
	require.Equal(t, "a", f.Find("bob").Account)
	require.False(t, before.Same(f.Find("ann")), "of another account")

	mount("..2026_3", map[string]string{"a.htpasswd": "bob:" + bob, "b.htpasswd": "ann:" + ann + "\nbob:" + bob})
	_, err = f.Reload()
	require.Len(t, faults(t, err), 1)
	require.True(t, f.Stale())
	require.Equal(t, "a", f.Find("bob").Account, "the last valid state stays")
	_, err = f.Reload()
	require.NoError(t, err, "reported once")

	mount("..2026_4", map[string]string{"a.htpasswd": "bob:" + hash(t, "three"), "b.htpasswd": ""})
	changed, err = f.Reload()
	require.NoError(t, err)
	require.True(t, changed)
	require.False(t, f.Stale())
	require.False(t, f.Find("ann").Known())
	require.True(t, f.Find("bob").Verify("three"))
	require.False(t, f.Find("bob").Verify("two"))

	require.NoError(t, os.Remove(filepath.Join(dir, "..data")))
	_, err = f.Reload()
	require.Error(t, err)
	require.True(t, f.Find("bob").Known())
}

// A removed user loses access although a line is wrong or no user is left.
func TestARemovedUserLosesAccessThoughTheFolderIsInvalid(t *testing.T) {
	t.Parallel()
	ann, bob, cat := "ann:"+hash(t, "one")+"\n", "bob:"+hash(t, "two")+"\n", "cat:"+hash(t, "three")+"\n"
	both := map[string]string{"a.htpasswd": ann + bob, "b.htpasswd": cat}
	for name, c := range map[string]struct {
		change func(t *testing.T, dir string)
		left   []string
	}{
		"a wrong line elsewhere": {func(t *testing.T, dir string) {
			write(t, dir, map[string]string{"a.htpasswd": bob, "b.htpasswd": cat + "nonsense\n"})
		}, []string{"bob", "cat"}},
		"a wrong line beside": {func(t *testing.T, dir string) { write(t, dir, map[string]string{"a.htpasswd": bob + "nonsense\n"}) }, []string{"bob", "cat"}},
		"another password": {func(t *testing.T, dir string) {
			write(t, dir, map[string]string{"a.htpasswd": "ann:" + hash(t, "one") + "\n" + bob, "b.htpasswd": cat + "nonsense\n"})
		}, []string{"bob", "cat"}},
		"moved to another account": {func(t *testing.T, dir string) {
			write(t, dir, map[string]string{"a.htpasswd": bob, "b.htpasswd": ann + cat + "nonsense\n"})
		}, []string{"bob", "cat"}},
		"no user left": {func(t *testing.T, dir string) { write(t, dir, map[string]string{"a.htpasswd": "", "b.htpasswd": ""}) }, nil},
		"an unreadable file": {func(t *testing.T, dir string) {
			unreadable(t, dir, "b.htpasswd")
			write(t, dir, map[string]string{"a.htpasswd": ann})
		}, []string{"ann", "cat"}},
		"the folder is gone": {func(t *testing.T, dir string) { require.NoError(t, os.RemoveAll(dir)) }, []string{"ann", "bob", "cat"}},
		"all files gone":     {func(t *testing.T, dir string) { gone(t, dir, "a.htpasswd"); gone(t, dir, "b.htpasswd") }, nil},
		"one gone, one unfit": {func(t *testing.T, dir string) {
			gone(t, dir, "a.htpasswd")
			write(t, dir, map[string]string{"b.htpasswd": cat + cat})
		}, []string{"cat"}},
		"a file more, and bad": {func(t *testing.T, dir string) { write(t, dir, map[string]string{"B.htpasswd": "x"}) }, []string{"ann", "bob", "cat"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := folder(t, both)
			f, err := credentials.Open(dir)
			require.NoError(t, err)
			c.change(t, dir)
			_, err = f.Reload()
			require.Error(t, err)
			require.True(t, f.Stale())
			var left []string
			for _, name := range []string{"ann", "bob", "cat"} {
				if f.Find(name).Known() {
					left = append(left, name)
				}
			}
			require.Equal(t, c.left, left)
			require.Equal(t, bcrypt.MinCost, f.Find("ann").Slowest(), "a refusal takes as long as before")
		})
	}
}

func unreadable(t *testing.T, dir, name string) {
	t.Helper()
	gone(t, dir, name)
	require.NoError(t, os.Mkdir(filepath.Join(dir, name), 0o700))
}

func gone(t *testing.T, dir, name string) {
	t.Helper()
	require.NoError(t, os.Remove(filepath.Join(dir, name)))
}

// The time of a response does not reveal which users exist.
func TestAWrongPasswordCostsTheSameForEveryUser(t *testing.T) {
	t.Parallel()
	at := func(name string, cost int) string {
		return fmt.Sprintf("%s:$2y$%02d%s\n", name, cost, hash(t, "one")[6:])
	}
	f, err := credentials.Open(folder(t, map[string]string{"a.htpasswd": at("fast", 4) + at("usual", 6), "b.htpasswd": at("slow", 9)}))
	require.NoError(t, err)
	for _, name := range []string{"fast", "usual", "slow", "unknown", ""} {
		work := 0.0
		require.False(t, f.Find(name).VerifyWith("wrong", func(hash, _ []byte) bool {
			cost, err := bcrypt.Cost(hash)
			require.NoError(t, err)
			work += math.Exp2(float64(cost))
			return false
		}))
		require.Equal(t, math.Exp2(9), work, name)
	}
	require.False(t, f.Find("unknown").VerifyWith("wrong", func(_, _ []byte) bool { return true }), "whatever its stand-in")
	require.True(t, f.Find("fast").VerifyWith("right", func(_, _ []byte) bool { return true }))
}
