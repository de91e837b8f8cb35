package main

import (
	"archive/tar"
	"bytes"
	"debug/elf"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/stretchr/testify/require"
)

// opened is the content of an archive.
type opened struct {
	config *v1.ConfigFile
	files  []tar.Header
	bytes  map[string][]byte // by name
	size   int64             // of the archive
}

// image builds an image and returns the content of its archive.
func image(t *testing.T, o options) opened {
	t.Helper()
	o.out, o.tag, o.arch = filepath.Join(t.TempDir(), "image.tar"), "test:1", runtime.GOARCH
	require.NoError(t, build(o))
	archive, err := tarball.ImageFromPath(o.out, nil)
	require.NoError(t, err)
	config, err := archive.ConfigFile()
	require.NoError(t, err)
	info, err := os.Stat(o.out)
	require.NoError(t, err)
	i := opened{config: config, bytes: make(map[string][]byte), size: info.Size()}
	layers, err := archive.Layers()
	require.NoError(t, err)
	for _, layer := range layers {
		content, err := layer.Uncompressed()
		require.NoError(t, err)
		for r := tar.NewReader(content); ; {
			header, err := r.Next()
			if err == io.EOF {
				break
			}
			require.NoError(t, err)
			i.files = append(i.files, *header)
			i.bytes[header.Name], err = io.ReadAll(r)
			require.NoError(t, err)
		}
	}
	return i
}

// runs runs a program of the image and returns its output.
func (i opened) runs(t *testing.T, name string, args ...string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(program, i.bytes[name], 0o500))
	out, err := exec.CommandContext(t.Context(), program, args...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	return string(out)
}

// onlyHolds requires that the image contains these programs and nothing else, and starts the first.
func (i opened) onlyHolds(t *testing.T, programs ...string) {
	t.Helper()
	require.Len(t, i.files, len(programs))
	for n, name := range programs {
		file := i.files[n]
		require.Equal(t, name, file.Name)
		require.Equal(t, byte(tar.TypeReg), file.Typeflag, name)
		require.Equal(t, int64(0o555), file.Mode, "%s is readable and executable by all users, and writable by none", name)
		require.Zero(t, file.Uid+file.Gid, "%s belongs to root, while the process has another user", name)
		program, err := elf.NewFile(bytes.NewReader(i.bytes[name]))
		require.NoError(t, err, name)
		for _, part := range program.Progs {
			require.NotEqual(t, elf.PT_INTERP, part.Type, "%s needs a loader", name)
		}
		libraries, err := program.ImportedLibraries()
		require.NoError(t, err, name)
		require.Empty(t, libraries, name)
	}
	config := i.config.Config
	require.Equal(t, []string{"/" + programs[0]}, config.Entrypoint)
	require.Empty(t, config.Cmd)
	require.Equal(t, "65532:65532", config.User)
	require.Equal(t, []string{"PATH=/"}, config.Env)
	require.Equal(t, "linux", i.config.OS)
	require.Equal(t, programs[0], i.label("title"))
}

func (i opened) label(name string) string {
	return i.config.Config.Labels["org.opencontainers.image."+name]
}
