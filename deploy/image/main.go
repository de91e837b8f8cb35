// Command image builds a container image that contains one or more Go programs and nothing else: no shell and no base image.
// It needs neither Docker nor a registry. The same commit gives the same image, byte for byte.
//
//	go run -C deploy ./image -o clients.tar
//	go run -C deploy ./image -o nats.tar -tag nats:2.15.3 -module . github.com/nats-io/nats-server/v2 ./lock
//	go run -C deploy ./image -o clients.tar -sbom clients.cdx.json
//	go run -C deploy ./image -alone -o clients          the program alone, as deploy/Dockerfile uses it
//
// The last line of the output is the digest that the image has in a registry.
//
// The image starts the first program and has its version; the others are additional files. `docker load`, `ctr images
// import`, `skopeo copy docker-archive:` and `crane push` read the archive.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("image: ")
	var o options
	flag.StringVar(&o.out, "o", "clients.tar", "output file: the image's archive, or with -alone the program")
	flag.StringVar(&o.tag, "tag", "clients:dev", "name and tag of the image")
	flag.StringVar(&o.version, "version", "", "version of the program and the image's labels (default: the tag of the commit, the version of another module, or development)")
	flag.StringVar(&o.commit, "commit", "", "commit of the program and the image's labels (default: the commit of the checkout)")
	flag.BoolVar(&o.alone, "alone", false, "write the program instead of an image")
	flag.StringVar(&o.arch, "arch", runtime.GOARCH, "processor architecture, as in GOARCH")
	flag.StringVar(&o.sbom, "sbom", "", "also write a bill of materials to this file (CycloneDX)")
	flag.StringVar(&o.module, "module", "..", "folder of the module in which the programs are built")
	flag.Parse()
	o.program = "./cmd/clients"
	if flag.NArg() > 0 {
		o.program, o.beside = flag.Arg(0), flag.Args()[1:]
	}
	flag.Visit(func(f *flag.Flag) {
		if o.alone && (f.Name == "tag" || len(o.beside) > 0) {
			log.Fatal("-alone writes one program, which has no tag")
		}
	})
	if err := build(o); err != nil {
		log.Fatal(err)
	}
}

type options struct {
	out, sbom, tag, version, commit, arch, module, program string
	beside                                                 []string // further programs
	alone                                                  bool
}

// nameOf returns the name of a program's file in the image: the last element of its package path without a major version.
func nameOf(program string) string {
	folder, last := filepath.Split(program)
	if len(last) > 1 && last[0] == 'v' && strings.Trim(last[1:], "0123456789") == "" {
		last = filepath.Base(folder)
	}
	return last
}

func build(o options) error {
	from, err := originOf(o)
	if err != nil {
		return fmt.Errorf("read the origin of %s: %w", o.program, err)
	}
	if o.alone {
		return compile(o, o.program, from.stamp(), o.out)
	}
	folder, err := os.MkdirTemp("", "image")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	var files []string
	for _, program := range append([]string{o.program}, o.beside...) {
		stamp := "" // further programs have no version, so that their layers change only with their source
		if len(files) == 0 {
			stamp = from.stamp()
		}
		file := filepath.Join(folder, nameOf(program))
		if err := compile(o, program, stamp, file); err != nil {
			return fmt.Errorf("compile %s: %w", program, err)
		}
		files = append(files, file)
	}
	size, err := pack(o, from, files)
	if err != nil {
		return fmt.Errorf("pack %s: %w", o.out, err)
	}
	digest, err := digestOf(o.out)
	if err != nil {
		return err
	}
	fmt.Printf("%s: %s, version %s, %.1f MB, compressed %.1f MB\n%s\n", o.out, o.tag, from.version, megabytes(size.program), megabytes(size.archive), digest)
	if o.sbom == "" {
		return nil
	}
	return writeBOM(o.sbom, o, from, files)
}

// digestOf returns the digest that an archive's image has in a registry.
func digestOf(archive string) (string, error) {
	image, err := tarball.ImageFromPath(archive, nil)
	if err != nil {
		return "", err
	}
	digest, err := image.Digest()
	return digest.String(), err
}

func megabytes(n int64) float64 { return float64(n) / 1e6 }
