package nodelifecycle

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestZoneStates(t *testing.T) {
	for _, c := range []struct {
		ready, notReady int
		want            zoneState
	}{
		{3, 0, normal}, {0, 0, normal}, {0, 1, fullDisruption}, {1, 2, normal}, // two are too few to worry
		{9, 11, partialDisruption}, {10, 11, normal}, {2, 3, partialDisruption}, {45, 55, partialDisruption}, {46, 54, normal},
	} {
		if got := (zoneCount{c.ready, c.notReady}).state(); got != c.want {
			t.Errorf("%d ready, %d not: got %d, want %d", c.ready, c.notReady, got, c.want)
		}
	}
}

func TestRatesFollowStateAndSize(t *testing.T) {
	for _, c := range []struct {
		state zoneState
		size  int
		want  int64
	}{{normal, 10, 100}, {fullDisruption, 10, 100}, {partialDisruption, 50, 0}, {partialDisruption, 51, 10}} {
		if got := rateMilli(c.state, c.size); got != c.want {
			t.Errorf("state %d of %d nodes: %d, want %d", c.state, c.size, got, c.want)
		}
	}
}

func TestDisruption(t *testing.T) {
	good, bad, half := zoneCount{3, 0}, zoneCount{0, 3}, zoneCount{2, 4}
	for _, c := range []struct {
		name    string
		old     map[string]zoneState
		counted map[string]zoneCount
		want    disruption
	}{
		{"nothing changed", map[string]zoneState{"a": normal}, map[string]zoneCount{"a": good},
			disruption{states: map[string]zoneState{"a": normal}}},
		{"first look", map[string]zoneState{"a": initial}, map[string]zoneCount{"a": good},
			disruption{states: map[string]zoneState{"a": normal}, rates: []zoneRate{{"a", 100}}}},
		{"part of a zone", map[string]zoneState{"a": normal, "b": normal}, map[string]zoneCount{"a": good, "b": half},
			disruption{states: map[string]zoneState{"a": normal, "b": partialDisruption}, rates: []zoneRate{{"b", 0}}}},
		{"a whole zone", map[string]zoneState{"a": normal, "b": normal}, map[string]zoneCount{"a": good, "b": bad},
			disruption{states: map[string]zoneState{"a": normal, "b": fullDisruption}, rates: []zoneRate{{"b", 100}}}},
		{"every zone", map[string]zoneState{"a": normal, "b": fullDisruption}, map[string]zoneCount{"a": bad, "b": bad},
			disruption{states: map[string]zoneState{"a": fullDisruption, "b": fullDisruption}, rates: []zoneRate{{"a", 0}, {"b", 0}}, enterFull: true}},
		{"still every zone", map[string]zoneState{"a": fullDisruption}, map[string]zoneCount{"a": bad},
			disruption{states: map[string]zoneState{"a": fullDisruption}}},
		{"back again", map[string]zoneState{"a": fullDisruption, "b": fullDisruption}, map[string]zoneCount{"a": good, "b": bad},
			disruption{states: map[string]zoneState{"a": normal, "b": fullDisruption}, rates: []zoneRate{{"a", 100}, {"b", 100}}, leaveFull: true}},
		{"a zone without nodes is forgotten", map[string]zoneState{"a": normal, "b": fullDisruption}, map[string]zoneCount{"a": good},
			disruption{states: map[string]zoneState{"a": normal}}},
	} {
		got := assess(c.old, c.counted)
		if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(disruption{}, zoneRate{})); diff != "" {
			t.Errorf("%s (-want +got)\n%s", c.name, diff)
		}
	}
}

func TestZoneKeys(t *testing.T) {
	key := func(labels map[string]string) string {
		return zoneKey(&corev1.Node{ObjectMeta: metav1.ObjectMeta{Labels: labels}})
	}
	if key(nil) != "" || key(map[string]string{corev1.LabelTopologyZone: "a"}) == key(map[string]string{corev1.LabelTopologyRegion: "a"}) {
		t.Error("region and zone are told apart")
	}
}
