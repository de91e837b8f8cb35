package main

import (
	"cmp"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"time"
)

// bom is a bill of materials in the format of CycloneDX 1.5: the modules that are compiled into the programs of an image, as Go
// has recorded them there. It depends on the programs alone, as the image does.
type bom struct {
	BOMFormat    string       `json:"bomFormat"`
	SpecVersion  string       `json:"specVersion"`
	Version      int          `json:"version"`
	Metadata     bomMetadata  `json:"metadata"`
	Components   []component  `json:"components"`
	Dependencies []dependency `json:"dependencies"`
}

type bomMetadata struct {
	Timestamp string    `json:"timestamp"` // of the commit
	Component component `json:"component"`
}

type component struct {
	Type       string     `json:"type"`
	Ref        string     `json:"bom-ref"`
	Name       string     `json:"name"`
	Version    string     `json:"version,omitempty"`
	PURL       string     `json:"purl,omitempty"`
	Hashes     []hash     `json:"hashes,omitempty"`
	Properties []property `json:"properties,omitempty"`
}

type hash struct {
	Algorithm string `json:"alg"`
	Content   string `json:"content"`
}

type property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type dependency struct {
	Ref       string   `json:"ref"`
	DependsOn []string `json:"dependsOn,omitempty"`
}

// writeBOM writes the bill of materials of the programs, of which the first one starts.
func writeBOM(path string, o options, from origin, programs []string) error {
	image := component{Type: "container", Ref: "image", Name: nameOf(o.program), Version: from.version}
	b := bom{BOMFormat: "CycloneDX", SpecVersion: "1.5", Version: 1, Metadata: bomMetadata{from.at.Format(time.RFC3339), image}}
	modules := make(map[string]component)
	top := dependency{Ref: image.Ref}
	for _, program := range programs {
		content, err := os.ReadFile(program)
		if err != nil {
			return err
		}
		info, err := buildinfo.ReadFile(program)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(content)
		file := component{Type: "application", Ref: "/" + filepath.Base(program), Name: info.Path, Hashes: []hash{{"SHA-256", hex.EncodeToString(sum[:])}}}
		contains := dependency{Ref: file.Ref}
		for _, module := range append([]*debug.Module{{Path: "stdlib", Version: info.GoVersion[len("go"):]}}, info.Deps...) {
			made := componentOf(module)
			modules[made.Ref] = made
			contains.DependsOn = append(contains.DependsOn, made.Ref)
		}
		b.Components, b.Dependencies = append(b.Components, file), append(b.Dependencies, contains)
		top.DependsOn = append(top.DependsOn, file.Ref)
	}
	b.Dependencies = append(b.Dependencies, top)
	var libraries []component
	for _, module := range modules {
		libraries = append(libraries, module)
	}
	slices.SortFunc(libraries, func(a, b component) int { return cmp.Compare(a.Ref, b.Ref) })
	b.Components = append(b.Components, libraries...)
	text, err := json.MarshalIndent(b, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}

// componentOf returns a module, or the one by which it is replaced. The checksum is that of go.sum, which is no hash of a file.
func componentOf(module *debug.Module) component {
	if module.Replace != nil {
		module = module.Replace
	}
	url := "pkg:golang/" + module.Path + "@" + module.Version
	c := component{Type: "library", Ref: url, Name: module.Path, Version: module.Version, PURL: url}
	if module.Sum != "" {
		c.Properties = []property{{"go:sum", module.Sum}}
	}
	return c
}
