package compare_test

import (
	"context"
	"fmt"

	"github.com/fauxkube/fauxkube/cluster/scheduler/adapter"
	"github.com/fauxkube/fauxkube/cluster/scheduler/adapter/example"
	"github.com/fauxkube/fauxkube/cluster/scheduler/config"
	"github.com/fauxkube/fauxkube/scenarios/compare"
)

// A plugin that is written against k8s.io/kube-scheduler/framework is compared with kube-scheduler as it comes. From the
// command line it can be named, too: by a build of cmd/fauxkube with one more file, whose init function calls Register.
func ExampleRegister() {
	compare.Register("zone-cap", compare.Scheduler{
		About: "at most two pods of an app in one zone",
		Configuration: `
apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
profiles:
- schedulerName: default-scheduler
  plugins: {multiPoint: {enabled: [{name: ZoneCap}]}}
  pluginConfig: [{name: ZoneCap, args: {limit: 2}}]
`,
		Plugins: map[string]config.Factory{example.Name: adapter.Factory(example.New)},
	})
	subject, err := compare.NewClusters(compare.Options{
		Scenarios: []string{"testdata/two-zones.yaml"}, Schedulers: []string{"default", "zone-cap"}, Seeds: []uint64{1, 2, 3, 4, 5, 6},
		Decides: "unschedulable",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	document, err := compare.All(context.Background(), subject)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(document.Verdicts[1].Sentence)
	fmt.Println("assumed cost:", document.Details[1].AssumedCost)
	// Output:
	// default is better than zone-cap in pods without a node at the end: 2 pods less on the same seed (95 % interval 2 to 2); medians 0 and 2; ahead on 6 of 6 seeds, p = 0.031.
	// assumed cost: true
}
