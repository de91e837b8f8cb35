package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// instruction is one instruction of a Dockerfile.
type instruction struct{ name, arguments string }

// dockerfile returns the instructions of each stage of deploy/Dockerfile.
func dockerfile(t *testing.T) (stages [][]instruction) {
	t.Helper()
	content, err := os.ReadFile("../Dockerfile")
	require.NoError(t, err)
	text := regexp.MustCompile(`(?m)^\s*#.*\n`).ReplaceAllString(string(content), "")
	for line := range strings.Lines(strings.ReplaceAll(text, "\\\n", " ")) {
		name, arguments, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch name {
		case "":
			continue
		case "FROM":
			stages = append(stages, nil)
		case "ARG", "COPY", "ENTRYPOINT", "ENV", "LABEL", "RUN", "USER", "WORKDIR":
			require.NotEmpty(t, stages, "before the first FROM: %s", line)
		default:
			t.Fatalf("instruction that this test does not cover: %s", line)
		}
		last := &stages[len(stages)-1]
		*last = append(*last, instruction{name, strings.Join(strings.Fields(arguments), " ")})
	}
	return stages
}

// arguments returns the arguments of all instructions with a name.
func arguments(stage []instruction, name string) (all []string) {
	for _, i := range stage {
		if i.name == name {
			all = append(all, i.arguments)
		}
	}
	return all
}

// A build with Docker has the same program, byte for byte, and the same configuration as a build without it.
func TestDockerfileBuildsTheSameImage(t *testing.T) {
	t.Parallel()
	stages := dockerfile(t)
	require.Len(t, stages, 2)
	same := image(t, options{module: "../..", program: "./cmd/clients", version: "1.2.3", commit: "0123abc"})
	runs := arguments(stages[0], "RUN")
	program := filepath.Join(t.TempDir(), "clients")
	build := exec.CommandContext(t.Context(), "sh", "-ec", strings.ReplaceAll(runs[len(runs)-1], " /clients ", " "+program+" "))
	build.Dir = "../.."
	build.Env = append(os.Environ(), "VERSION=1.2.3", "COMMIT=0123abc")
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	built, err := os.ReadFile(program)
	require.NoError(t, err)
	require.True(t, string(same.bytes["clients"]) == string(built), "%s builds another program", runs[len(runs)-1])

	last, config := stages[1], same.config.Config
	require.Equal(t, []string{"scratch"}, arguments(last, "FROM"))
	require.Equal(t, []string{"--from=build --chmod=0555 /clients /clients"}, arguments(last, "COPY"))
	require.Equal(t, []string{config.User}, arguments(last, "USER"))
	require.Equal(t, []string{`["` + config.Entrypoint[0] + `"]`}, arguments(last, "ENTRYPOINT"))
	require.Equal(t, config.Env, arguments(last, "ENV"))
	labels := make(map[string]string)
	for _, label := range strings.Fields(strings.Join(arguments(last, "LABEL"), " ")) {
		name, value, _ := strings.Cut(label, "=")
		labels[name] = strings.NewReplacer("$VERSION", "1.2.3", "$COMMIT", "0123abc").Replace(strings.Trim(value, `"`))
	}
	require.Equal(t, config.Labels, labels)
	for _, stage := range stages {
		require.Equal(t, []string{"VERSION=development", "COMMIT="}, arguments(stage, "ARG"), "an unknown commit is empty")
	}
}

func TestDockerfileUsesTheGoVersionOfTheModules(t *testing.T) {
	t.Parallel()
	from := regexp.MustCompile(`^golang:([0-9.]+)-bookworm AS build$`).FindStringSubmatch(arguments(dockerfile(t)[0], "FROM")[0])
	require.NotNil(t, from)
	for _, module := range []string{"../go.mod", "../../go.mod"} {
		content, err := os.ReadFile(module)
		require.NoError(t, err)
		require.Regexp(t, `(?m)^go `+regexp.QuoteMeta(from[1])+`(\.[0-9]+)?$`, string(content), module)
	}
}

// The build context has the source alone, without stored data and build results.
func TestDockerIgnoresWhatGitIgnores(t *testing.T) {
	t.Parallel()
	ignored, err := os.ReadFile("../Dockerfile.dockerignore")
	require.NoError(t, err)
	lines := strings.Fields(string(ignored))
	require.Contains(t, lines, ".git")
	left, err := os.ReadFile("../../.gitignore")
	require.NoError(t, err)
	for _, pattern := range strings.Fields(string(left)) {
		if name, anchored := strings.CutPrefix(pattern, "/"); anchored {
			require.Contains(t, lines, strings.TrimSuffix(name, "/"))
		} else {
			require.Contains(t, lines, "**/"+pattern)
		}
	}
}
