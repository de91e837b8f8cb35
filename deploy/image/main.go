// Command image builds a container image of one Go program, or more, and nothing else: no shell, no base image, no Docker
// engine, no registry. The same commit gives the same image, byte for byte.
//
//	go run -C deploy ./image -o clients.tar
//	go run -C deploy ./image -o nats.tar -tag nats:2.15.2 -module . github.com/nats-io/nats-server/v2 ./lock
//	go run -C deploy ./image -alone -o clients          the program alone, as deploy/Dockerfile has it
//
// The first program is the one that the image starts, and that tells the version; others lie beside it. The archive is
// what `docker load`, `ctr images import`, `skopeo copy docker-archive:` and `crane push` read.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("image: ")
	var o options
	flag.StringVar(&o.out, "o", "clients.tar", "the file that is written: the image's archive, or the program with -alone")
	flag.StringVar(&o.tag, "tag", "clients:dev", "what the image is called")
	flag.StringVar(&o.version, "version", "", "the release, which the program and the image's labels tell; else development, or the version of the module that the program comes from")
	flag.StringVar(&o.commit, "commit", "", "the commit, where the checkout cannot tell it")
	flag.BoolVar(&o.alone, "alone", false, "write the program alone, and no image")
	flag.StringVar(&o.arch, "arch", runtime.GOARCH, "the processor that it runs on, as GOARCH names it")
	flag.StringVar(&o.module, "module", "..", "the folder of the module that the program is built in")
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
	out, tag, version, commit, arch, module, program string
	beside                                           []string // programs
	alone                                            bool
}

// nameOf is a program's file in the image: that of its package, without a major version.
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
		return fmt.Errorf("look where %s comes from: %w", o.program, err)
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
		stamp := "" // what lies beside is the same in every release, and its layer with it, as long as its source is
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
	fmt.Printf("%s: %s, %.1f MB, compressed %.1f MB\n", o.out, o.tag, megabytes(size.program), megabytes(size.archive))
	return nil
}

func megabytes(n int64) float64 { return float64(n) / 1e6 }
