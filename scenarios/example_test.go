package scenarios_test

import (
	"context"
	"fmt"

	"github.com/fauxkube/fauxkube/scenarios"
)

// A scenario in a test of one's own: a file, or a text as here, one call, and a report as a value.
func ExampleRun() {
	all, err := scenarios.Decode("web.yaml", []byte(`
apiVersion: fauxkube.dev/v1alpha1
kind: Scenario
metadata: {name: web}
spec:
  cluster: {nodePools: [{name: node, count: 2}]}
  steps:
  - {name: up, at: 0s, kubectl: create deployment web --image=nginx:1.29 --replicas=2}
  - {name: ready, wait: "get('Deployment', 'default/web').status.availableReplicas == 2", within: 1m}
  - {name: update, kubectl: set image deployment/web nginx=nginx:1.30}
  expect:
  - name: one replica may be missing
    always: get('Deployment', 'default/web').status.availableReplicas >= 1
    from: ready
  - name: the new image runs
    eventually: list('Pod', 'default').all(p, p.spec.containers[0].image == 'nginx:1.30')
    after: update
    within: 2m
    stable: 30s
`))
	if err != nil {
		panic(err)
	}
	report, err := scenarios.Run(context.Background(), all[0], scenarios.Options{Seed: 7})
	if err != nil {
		panic(err)
	}
	fmt.Println(report.Verdict)
	for _, e := range report.Expectations {
		fmt.Printf("%s, %s: %s\n", e.Kind, e.ID, e.Verdict)
	}
	// Output:
	// held
	// always, one replica may be missing: held
	// eventually, the new image runs: held
}
