package scenarios_test

import (
	"strings"
	"testing"

	"github.com/fauxkube/fauxkube/scenarios"
)

// Explanations say who refused and who scored what, and change nothing.
func TestExplain(t *testing.T) {
	const spec = small + `
  steps:
  - {kubectl: create deployment web --image=nginx --replicas=2}
  - kubectl: apply -f -
    manifest: |
      apiVersion: v1
      kind: Pod
      metadata: {name: big}
      spec: {nodeSelector: {disk: ssd}, containers: [{name: c, image: nginx}]}
  - {wait: "list('Pod', 'default').filter(p, p.status.phase == 'Running').size() == 2"}
`
	plain := runScenario(t, decode(t, spec), scenarios.Options{})
	r := runScenario(t, decode(t, spec), scenarios.Options{Explain: []string{"web-*", "default/big"}})
	if r.Digest != plain.Digest || len(plain.Decisions) != 0 {
		t.Errorf("explaining changes the run: %s, %s without", r.Digest, plain.Digest)
	}
	chosen := 0
	for _, d := range r.Decisions {
		best := int64(0)
		for _, n := range d.Nodes {
			best = max(best, n.Total)
			if d.Pod == "default/big" && (len(n.Refusals) == 0 || len(n.Scores) > 0) {
				t.Errorf("%s is not refused by %s", d.Pod, n.Node)
			}
		}
		if d.Pod == "default/big" {
			if !strings.HasPrefix(d.Message, "0/3 nodes are available: ") || !strings.Contains(d.Message, "2 node(s) didn't match Pod's node affinity/selector") {
				t.Error(d.Message)
			}
			continue
		}
		for _, n := range d.Nodes {
			if n.Node == d.Node {
				chosen++
				if n.Total != best || best == 0 {
					t.Errorf("%s got %d points, the best %d", n.Node, n.Total, best)
				}
			}
		}
	}
	if chosen != 2 {
		t.Errorf("%d decisions explained, want 2: %+v", chosen, r.Decisions)
	}
}
