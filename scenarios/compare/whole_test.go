package compare

import (
	"strings"
	"testing"

	"github.com/fauxkube/fauxkube/reports/comparison"
)

// The protocol through a whole cluster measures what the protocol does, and that no pod was placed otherwise.
func TestWholeClusterMeasuresAsTheProtocol(t *testing.T) {
	o := Options{Trace: folder(t), Pods: []string{"pods.csv"}, Schedulers: []string{"fgd", "bestfit"}, Seeds: []uint64{7}}
	plain, err := published.Subject(o)
	if err != nil {
		t.Fatal(err)
	}
	o.WholeCluster = true
	whole, err := published.Subject(o)
	if err != nil {
		t.Fatal(err)
	}
	for i, got := range runAll(t, whole, Cells(whole.Header())) {
		extra := map[string]float64{}
		var same []comparison.Measure
		for _, m := range got.Measures {
			if m.Metric == "placed_otherwise" || m.Metric == "simulated_seconds" {
				extra[m.Metric] = m.Value
			} else {
				same = append(same, m)
			}
		}
		want := runAll(t, plain, Cells(plain.Header()))[i]
		if len(same) != len(want.Measures) {
			t.Fatalf("%d measures, by the protocol %d", len(same), len(want.Measures))
		}
		for k := range same {
			if same[k].Metric != want.Measures[k].Metric || same[k].Value != want.Measures[k].Value {
				t.Errorf("%s: %s is %v, by the protocol %v", got.Scheduler, same[k].Metric, same[k].Value, want.Measures[k].Value)
			}
		}
		if extra["placed_otherwise"] != 0 || extra["simulated_seconds"] < 1 {
			t.Errorf("%s: %v", got.Scheduler, extra)
		}
	}
	o.Arrivals = true
	if _, err := published.Subject(o); err == nil || !strings.Contains(err.Error(), "--whole-cluster is for the protocol: not with --arrivals") {
		t.Errorf("with arrivals: %v", err)
	}
}
