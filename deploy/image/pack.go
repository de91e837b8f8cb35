package main

import (
	"archive/tar"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// unprivileged is the user and group of the process. No file belongs to it.
const unprivileged = "65532:65532"

type sizes struct{ program, archive int64 }

// pack writes an image that contains the programs, each in a layer of its own, and starts the first.
func pack(o options, from origin, programs []string) (size sizes, err error) {
	image := empty.Image
	for _, program := range programs {
		content, err := os.ReadFile(program)
		if err != nil {
			return size, err
		}
		layer, err := layerOf("/"+filepath.Base(program), content, from.at)
		if err != nil {
			return size, err
		}
		if image, err = mutate.AppendLayers(image, layer); err != nil {
			return size, err
		}
		size.program += int64(len(content))
	}
	image, err = mutate.ConfigFile(image, configuration(o, from, image, "/"+nameOf(o.program)))
	if err != nil {
		return size, err
	}
	tag, err := name.NewTag(o.tag)
	if err != nil {
		return size, err
	}
	if err := tarball.WriteToFile(o.out, tag, image); err != nil {
		return size, err
	}
	info, err := os.Stat(o.out)
	if err != nil {
		return size, err
	}
	size.archive = info.Size()
	return size, nil
}

// configuration returns the image's configuration: how the program is started, and the labels.
func configuration(o options, from origin, image v1.Image, file string) *v1.ConfigFile {
	config := &v1.ConfigFile{Architecture: o.arch, OS: "linux", Created: v1.Time{Time: from.at}}
	if base, err := image.ConfigFile(); err == nil {
		config.RootFS = base.RootFS
	}
	config.History = []v1.History{{Created: v1.Time{Time: from.at}, CreatedBy: "deploy/image"}}
	config.Config = v1.Config{
		Entrypoint: []string{file},
		User:       unprivileged,
		WorkingDir: "/",
		Env:        []string{"PATH=/"},
		Labels: map[string]string{
			"org.opencontainers.image.title":   nameOf(o.program),
			"org.opencontainers.image.version": from.version,
		},
	}
	if from.revision != "" {
		config.Config.Labels["org.opencontainers.image.revision"] = from.revision
	}
	return config
}

// layerOf returns a layer with one file, which all users may read and execute and none may write.
func layerOf(file string, content []byte, at time.Time) (v1.Layer, error) {
	var layer bytes.Buffer
	w := tar.NewWriter(&layer)
	header := &tar.Header{Name: file[1:], Mode: 0o555, Size: int64(len(content)), ModTime: at}
	if err := w.WriteHeader(header); err != nil {
		return nil, err
	}
	if _, err := w.Write(content); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(layer.Bytes())), nil })
}
