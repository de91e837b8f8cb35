// Command image builds a container image of one Go program, or more, and nothing else: no shell, no base image, no Docker
// engine, no registry. The same commit gives the same image, byte for byte.
//
//	go run -C deploy ./image -o clients.tar
//	go run -C deploy ./image -o nats.tar -tag nats:2.15.2 github.com/nats-io/nats-server/v2
//	go run -C deploy ./image -o nats.tar -tag nats:2.15.2 -module . github.com/nats-io/nats-server/v2 ./lock
//	go run -C deploy ./image -program clients          the program alone, as deploy/Dockerfile has it
//
// The first program is the one that the image starts; others lie beside it. The archive is what `docker load`, `ctr images import`, `skopeo copy docker-archive:` and `crane push` read.
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
	flag.StringVar(&o.archive, "o", "clients.tar", "the archive that is written")
	flag.StringVar(&o.tag, "tag", "clients:dev", "what the image is called")
	flag.StringVar(&o.version, "version", "", "the release, which the program and the image's labels tell; else development, or the version of the module that the program comes from")
	flag.StringVar(&o.commit, "commit", "", "the commit, where the checkout cannot tell it")
	flag.StringVar(&o.alone, "program", "", "write the program to this file, and no image")
	flag.StringVar(&o.arch, "arch", runtime.GOARCH, "the processor that it runs on, as GOARCH names it")
	flag.StringVar(&o.module, "module", "..", "the folder of the module that the program is built in")
	flag.Parse()
	o.program = "./cmd/clients"
	if flag.NArg() > 0 {
		o.program, o.beside = flag.Arg(0), flag.Args()[1:]
	}
	if err := build(o); err != nil {
		log.Fatal(err)
	}
}

type options struct {
	archive, tag, version, commit, arch, module, program, alone string
	beside                                                      []string // programs
}

// name is the program's file in the image: that of its package, without a major version.
func (o options) name() string {
	folder, last := filepath.Split(o.program)
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
	if o.alone != "" {
		return compile(o, from, o.alone)
	}
	folder, err := os.MkdirTemp("", "image")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	program := filepath.Join(folder, o.name())
	if err := compile(o, from, program); err != nil {
		return fmt.Errorf("compile %s: %w", o.program, err)
	}
	programs := []string{program}
	for _, each := range o.beside {
		file, err := compileBeside(o, each, folder)
		if err != nil {
			return fmt.Errorf("compile %s: %w", each, err)
		}
		programs = append(programs, file)
	}
	size, err := pack(o, from, programs)
	if err != nil {
		return fmt.Errorf("pack %s: %w", o.archive, err)
	}
	fmt.Printf("%s: %s, %.1f MB, compressed %.1f MB\n", o.archive, o.tag, megabytes(size.program), megabytes(size.archive))
	return nil
}

// compileBeside compiles a program that lies beside the first, and answers its file.
func compileBeside(o options, program, folder string) (file string, err error) {
	o.program = program
	from, err := originOf(o)
	if err != nil {
		return "", err
	}
	file = filepath.Join(folder, o.name())
	return file, compile(o, from, file)
}

func megabytes(n int64) float64 { return float64(n) / 1e6 }
