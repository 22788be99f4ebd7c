package fault

import (
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/client"
	"github.com/fauxkube/fauxkube/scenarios/format"
)

const podChaosExample = `
apiVersion: chaos-mesh.org/v1alpha1
kind: PodChaos
metadata: {name: kill-a-third, namespace: shop}
spec: {action: pod-kill, mode: fixed-percent, value: "34", selector: {labelSelectors: {app: web}}}
`

// podChaos deletes pods through the API, as Chaos Mesh does.
type podChaos struct {
	Selector       Selector        `json:"selector"`
	Mode           string          `json:"mode" jsonschema:"enum=one,enum=all,enum=fixed,enum=fixed-percent,enum=random-max-percent"`
	Value          string          `json:"value,omitempty"`
	Action         string          `json:"action"`
	Duration       format.Duration `json:"duration,omitempty"`
	GracePeriod    int             `json:"gracePeriod,omitempty" jsonschema:"minimum=0"`
	ContainerNames []string        `json:"containerNames,omitempty"`

	choice choice
}

func parsePodChaos(d *document) (injector, error) {
	p := &podChaos{}
	if err := d.decode(p); err != nil {
		return nil, err
	}
	if len(p.ContainerNames) > 0 {
		return nil, d.fail("spec.containerNames", "belongs to container-kill")
	}
	var err error
	if p.choice, err = d.parseChoice("spec.mode", p.Mode, p.Value); err != nil {
		return nil, err
	}
	return p, p.Selector.check(d, "spec.selector")
}

func (p *podChaos) inject(i *injection) error {
	pods, err := i.pods(&p.Selector, p.choice)
	if err != nil {
		return err
	}
	grace := int64(p.GracePeriod)
	for _, pod := range pods {
		options := &metav1.DeleteOptions{GracePeriodSeconds: &grace, Preconditions: &metav1.Preconditions{UID: &pod.UID}}
		err := client.Delete(i.task, i.Cluster.Kubectl(), api.Pods, pod.Namespace, pod.Name, options)
		if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
			return fmt.Errorf("pod %s: %w", api.KeyOf(pod), err)
		}
		i.hit("pod "+api.KeyOf(pod)+" deleted", nil)
	}
	return nil
}
