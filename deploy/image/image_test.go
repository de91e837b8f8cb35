package main

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// checkout creates a repository with one commit and returns that commit. It contains a module with a program that prints its
// version, which requires another module with a program, at v2.3.4.
func checkout(t *testing.T) (folder, commit string) {
	t.Helper()
	folder = t.TempDir()
	for name, content := range map[string]string{
		"go.mod":                             "module clients\n\ngo 1.26\n\nrequire example.com/other/v2 v2.3.4\n\nreplace example.com/other/v2 => ./other\n",
		"cmd/clients/hello/go.go":            "package main\n\nimport \"clients/cmd/clients/internal/version\"\n\nfunc main() { version.Print() }\n",
		"cmd/clients/internal/version/go.go": "package version\n\nvar version, commit string\n\nfunc Print() { println(version, commit) }\n",
		"other/go.mod":                       "module example.com/other/v2\n\ngo 1.26\n",
		"other/go.go":                        "package main\n\nvar version, commit = \"its own\", \"its own\"\n\nfunc main() { println(version, commit) }\n",
	} {
		path := filepath.Join(folder, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	}
	git(t, folder, "init", "--quiet")
	git(t, folder, "add", ".")
	git(t, folder, "-c", "user.name=test", "-c", "user.email=test@example.com", "commit", "--quiet", "-m", "first")
	return folder, git(t, folder, "rev-parse", "HEAD")
}

func git(t *testing.T, folder string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "git", append([]string{"-C", folder}, args...)...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	return strings.TrimSpace(string(out))
}

func TestImageContainsOnlyTheProgram(t *testing.T) {
	t.Parallel()
	folder, commit := checkout(t)
	i := image(t, options{module: folder, program: "./cmd/clients/hello", version: "1.2.3"})
	i.onlyHolds(t, "hello")
	require.Equal(t, "1.2.3 "+commit+"\n", i.runs(t, "hello"))
	require.Equal(t, "1.2.3", i.label("version"))
	require.Equal(t, commit, i.label("revision"))
}

func TestImageIsReproducible(t *testing.T) {
	t.Parallel()
	folder, _ := checkout(t)
	other := filepath.Join(t.TempDir(), "other")
	git(t, folder, "clone", "--quiet", ".", other)
	var archives [2]string
	for n, module := range []string{folder, other} {
		archives[n] = filepath.Join(t.TempDir(), "image.tar")
		require.NoError(t, build(options{module: module, program: "./cmd/clients/hello", out: archives[n], tag: "hello:1", arch: runtime.GOARCH}))
	}
	first, err := os.ReadFile(archives[0])
	require.NoError(t, err)
	second, err := os.ReadFile(archives[1])
	require.NoError(t, err)
	require.Equal(t, len(first), len(second))
	require.True(t, string(first) == string(second), "the archives of one commit differ")
}

func TestModifiedCheckoutIsDirty(t *testing.T) {
	t.Parallel()
	folder, commit := checkout(t)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "cmd/clients/hello/more.go"), []byte("package main\n"), 0o600))
	i := image(t, options{module: folder, program: "./cmd/clients/hello"})
	require.Equal(t, "development "+commit+"-dirty\n", i.runs(t, "hello"))
	require.Equal(t, commit+"-dirty", i.label("revision"))
}

func TestWithoutACheckoutTheCommitIsThatOfTheFlag(t *testing.T) {
	t.Parallel()
	folder, _ := checkout(t)
	require.NoError(t, os.RemoveAll(filepath.Join(folder, ".git")))
	i := image(t, options{module: folder, program: "./cmd/clients/hello"})
	require.Equal(t, "development \n", i.runs(t, "hello"))
	require.NotContains(t, i.config.Config.Labels, "org.opencontainers.image.revision")
	i = image(t, options{module: folder, program: "./cmd/clients/hello", commit: "0123abc"})
	require.Equal(t, "development 0123abc\n", i.runs(t, "hello"))
	require.Equal(t, "0123abc", i.label("revision"))
}

// A program of another module has that module's version, and not this checkout's commit.
func TestProgramOfAnotherModuleHasItsOwnVersion(t *testing.T) {
	t.Parallel()
	folder, _ := checkout(t)
	i := image(t, options{module: folder, program: "example.com/other/v2"})
	i.onlyHolds(t, "other")
	require.Equal(t, "its own its own\n", i.runs(t, "other"))
	require.Equal(t, "2.3.4", i.label("version"))
	require.NotContains(t, i.config.Config.Labels, "org.opencontainers.image.revision")
	require.Equal(t, "9.9.9", image(t, options{module: folder, program: "example.com/other/v2", version: "9.9.9"}).label("version"))
}

// The first program is the entry point and determines the labels. The others do not depend on the commit.
func TestImageWithSeveralPrograms(t *testing.T) {
	t.Parallel()
	folder, _ := checkout(t)
	i := image(t, options{module: folder, program: "example.com/other/v2", beside: []string{"./cmd/clients/hello"}, version: "1.2.3"})
	i.onlyHolds(t, "other", "hello")
	require.Equal(t, "its own its own\n", i.runs(t, "other"))
	require.Equal(t, " \n", i.runs(t, "hello"))
	require.NotContains(t, i.config.Config.Labels, "org.opencontainers.image.revision")
	git(t, folder, "-c", "user.name=test", "-c", "user.email=test@example.com", "commit", "--quiet", "--allow-empty", "-m", "second")
	next := image(t, options{module: folder, program: "example.com/other/v2", beside: []string{"./cmd/clients/hello"}, version: "1.2.4"})
	require.True(t, string(i.bytes["hello"]) == string(next.bytes["hello"]), "the second program depends on the commit")
}

// The service's image is downloaded to every node at every update, so its size is limited.
func TestImageOfTheService(t *testing.T) {
	t.Parallel()
	i := image(t, options{module: "../..", program: "./cmd/clients", version: "1.2.3"})
	i.onlyHolds(t, "clients")
	hash, _ := commit("../..")
	require.Contains(t, i.runs(t, "clients", "version"), fmt.Sprintf("clients 1.2.3 (commit %s, go1.", cmp.Or(hash, "unknown")))
	require.Equal(t, "1.2.3", i.label("version"))
	require.Equal(t, hash, i.label("revision"))
	require.Less(t, i.size, int64(20e6), "the archive")
	require.Less(t, len(i.bytes["clients"]), 45_000_000, "the program")
}
