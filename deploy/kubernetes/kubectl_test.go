package kubernetes_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	batchv1 "k8s.io/api/batch/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
)

// overlayOf maps a namespace to the overlay that commands with it are for.
var overlayOf = map[string]string{"clients-demo": "demo", "clients": "production-nats"}

// What the documents' kubectl commands name exists: files, and objects of the overlay that has the command's namespace.
func TestWhatKubectlCommandsNameExists(t *testing.T) {
	commands, created := 0, make(map[string]bool)
	for _, job := range all[*batchv1.Job](render(t, "examples")) {
		created["job/"+job.Name] = true
	}
	for _, document := range []string{"../README.md", "../OPERATING.md", "../monitoring/RUNBOOK.md"} {
		content, err := os.ReadFile(document)
		require.NoError(t, err)
		for _, command := range regexp.MustCompile("(?m)kubectl [^`\n]+").FindAllString(string(content), -1) {
			words := strings.Fields(command)
			if file := after(words, "-k") + after(words, "-f"); words[1] == "apply" && file != "" {
				_, err := os.Stat("../../" + file)
				require.NoError(t, err, command)
				continue
			}
			namespace := after(words, "-n")
			if namespace == "" { // a command that is named and not to be copied
				continue
			}
			commands++
			created["job/"+after(words, "job")] = true // of create job
			objects := render(t, overlayOf[namespace])
			require.True(t, has(objects, "namespace/"+namespace), command)
			for _, object := range regexp.MustCompile(`\b(deployment|statefulset|service|cronjob|job)/[a-z-]+`).FindAllString(command, -1) {
				require.True(t, has(objects, object) || created[object], "%s: %s", command, object)
			}
			if selector, found := strings.CutPrefix(after(words, "-l"), "app="); found {
				require.True(t, has(objects, "deployment/"+selector) || has(objects, "statefulset/"+selector) || has(objects, "cronjob/"+selector), command)
			}
		}
	}
	require.Greater(t, commands, 8)
}

// after returns the word behind another one, "" if there is none.
func after(words []string, option string) string {
	for i, word := range words[:len(words)-1] {
		if word == option {
			return words[i+1]
		}
	}
	return ""
}

// has reports whether there is an object, such as deployment/clients.
func has(objects []runtime.Object, want string) bool {
	for _, object := range objects {
		accessor, err := meta.Accessor(object)
		kind := strings.ToLower(object.GetObjectKind().GroupVersionKind().Kind)
		if err == nil && kind+"/"+accessor.GetName() == want {
			return true
		}
	}
	return false
}
