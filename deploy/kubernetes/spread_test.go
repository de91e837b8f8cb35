package kubernetes_test

import (
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// Three replicas run on three nodes, also after one has crashed: base/deployment.yaml has the reasons.
func TestReplicasRunOnDifferentNodes(t *testing.T) {
	nodes, honor := int32(3), corev1.NodeInclusionPolicyHonor
	eachOverlay(t, func(t *testing.T, objects []runtime.Object) {
		deployment := byName(all[*appsv1.Deployment](objects), "clients")
		require.Equal(t, corev1.TopologySpreadConstraint{
			MaxSkew:           1,
			MinDomains:        &nodes,
			TopologyKey:       corev1.LabelHostname,
			WhenUnsatisfiable: corev1.DoNotSchedule,
			NodeTaintsPolicy:  &honor,
			LabelSelector:     &metav1.LabelSelector{MatchLabels: deployment.Spec.Template.Labels},
			MatchLabelKeys:    []string{appsv1.DefaultDeploymentUniqueLabelKey},
		}, deployment.Spec.Template.Spec.TopologySpreadConstraints[0])
	})
}

// The README's patch for a cluster of one or two nodes fits the overlay demo.
func TestReplicasMayShareANode(t *testing.T) {
	content, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	block := regexp.MustCompile("(?s)```yaml\n(patches:.*?)```").FindSubmatch(content)
	require.NotNil(t, block)
	files := filesys.MakeFsInMemory()
	demo, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), "overlays/demo")
	require.NoError(t, err)
	text, err := demo.AsYaml()
	require.NoError(t, err)
	require.NoError(t, files.WriteFile("demo.yaml", text))
	require.NoError(t, files.WriteFile("kustomization.yaml", append([]byte("resources: [demo.yaml]\n"), block[1]...)))
	patched, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(files, ".")
	require.NoError(t, err)
	text, err = patched.AsYaml()
	require.NoError(t, err)
	require.Contains(t, string(text), "minDomains: 1\n")
}
