package main

import (
	"encoding/json"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/stretchr/testify/require"
)

// A tagged commit gives a program and an image of that version, in every checkout with the same digest. The digest that is
// printed is that of the image in a registry.
func TestReleaseHasTheVersionOfItsTag(t *testing.T) {
	folder, _ := checkout(t)
	git(t, folder, "tag", "v1.2.3")
	other := t.TempDir()
	git(t, other, "clone", "--quiet", folder, "copy")
	var digests []string
	for _, module := range []string{folder, filepath.Join(other, "copy")} {
		out := filepath.Join(t.TempDir(), "clients.tar")
		o := options{out: out, tag: "clients:1.2.3", arch: "amd64", module: module, program: "./cmd/clients/hello"}
		require.NoError(t, build(o))
		image, err := tarball.ImageFromPath(out, nil)
		require.NoError(t, err)
		config, err := image.ConfigFile()
		require.NoError(t, err)
		require.Equal(t, "1.2.3", config.Config.Labels["org.opencontainers.image.version"])

		server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
		t.Cleanup(server.Close)
		reference, err := name.ParseReference(strings.TrimPrefix(server.URL, "http://") + "/clients:1.2.3")
		require.NoError(t, err)
		require.NoError(t, remote.Write(reference, image))
		pushed, err := remote.Head(reference)
		require.NoError(t, err)
		digest, err := digestOf(out)
		require.NoError(t, err)
		require.Equal(t, pushed.Digest.String(), digest)
		digests = append(digests, digest)
	}
	require.Equal(t, digests[0], digests[1])
}

// The bill of materials of the service lists every module that is compiled into it, at the version of go.mod.
func TestBillOfMaterialsListsTheModules(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "clients.cdx.json")
	o := options{out: filepath.Join(folder, "clients.tar"), tag: "clients:x", arch: "amd64", module: "../..", program: "./cmd/clients", sbom: file}
	require.NoError(t, build(o))
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	var b bom
	require.NoError(t, json.Unmarshal(content, &b))
	require.Equal(t, "CycloneDX 1.5", b.BOMFormat+" "+b.SpecVersion)
	listed := make(map[string]string)
	refs := make(map[string]bool)
	for _, c := range b.Components {
		listed[c.Name] = c.Version
		require.False(t, refs[c.Ref], c.Ref)
		refs[c.Ref] = true
	}
	list := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}}{{end}}{{end}}", "./cmd/clients")
	list.Dir, list.Env = "../..", append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64")
	modules, err := list.Output()
	require.NoError(t, err)
	for line := range strings.Lines(string(modules)) {
		if path, version, found := strings.Cut(strings.TrimSpace(line), " "); found {
			require.Equal(t, version, listed[path], path)
		}
	}
	require.NotEmpty(t, listed["stdlib"])
	for _, d := range b.Dependencies {
		for _, ref := range d.DependsOn {
			require.True(t, refs[ref], ref)
		}
	}
}
