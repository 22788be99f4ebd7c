package deployment

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
)

func TestAnnotationsOfTheNewReplicaSet(t *testing.T) {
	d := deploy(10, "25%", "25%", "a")
	d.Annotations = map[string]string{
		"team": "infra", revisionAnnotation: "1", "kubectl.kubernetes.io/last-applied-configuration": "{}",
	}
	for _, c := range []struct {
		name     string
		current  map[string]string
		revision int64
		exists   bool
		want     map[string]string
		changed  bool
	}{
		{"created", nil, 1, false, map[string]string{
			"team": "infra", revisionAnnotation: "1", desiredReplicasAnnotation: "10", maxReplicasAnnotation: "13"}, true},
		{"current", map[string]string{"team": "infra", revisionAnnotation: "3"}, 2, true,
			map[string]string{"team": "infra", revisionAnnotation: "3"}, false},
		{"rolled back to", map[string]string{"team": "infra", revisionAnnotation: "1"}, 4, true,
			map[string]string{"team": "infra", revisionAnnotation: "4", revisionHistoryAnnotation: "1"}, true},
		{"rolled back to again", map[string]string{"team": "infra", revisionAnnotation: "4", revisionHistoryAnnotation: "1"}, 6, true,
			map[string]string{"team": "infra", revisionAnnotation: "6", revisionHistoryAnnotation: "1,4"}, true},
		{"adopted without a revision", map[string]string{"team": "infra"}, 2, true,
			map[string]string{"team": "infra", revisionAnnotation: "2"}, true},
		{"a revision that is no number", map[string]string{revisionAnnotation: "x"}, 2, true,
			map[string]string{"team": "infra", revisionAnnotation: "x"}, false},
	} {
		got, changed := replicaSetAnnotations(d, c.current, c.revision, c.exists)
		if diff := cmp.Diff(c.want, got); diff != "" || changed != c.changed {
			t.Errorf("%s: changed %v, (-want +got)\n%s", c.name, changed, diff)
		}
	}
}

func TestTheRevisionHistoryForgetsItsOldestEntries(t *testing.T) {
	a := map[string]string{revisionHistoryAnnotation: strings.TrimSuffix(strings.Repeat("123456789,", historyChars/10), ",")}
	rememberRevision(a, "987654321")
	got := a[revisionHistoryAnnotation]
	if len(got) > historyChars || !strings.HasSuffix(got, ",987654321") {
		t.Errorf("%d characters, ends in %q", len(got), got[len(got)-12:])
	}
}

func TestObsoleteReplicaSets(t *testing.T) {
	d := deploy(1, "1", "0", "z")
	d.Spec.RevisionHistoryLimit = ptr32(1)
	var old []*appsv1.ReplicaSet
	for i, image := range []string{"a", "b", "c"} {
		rs := set(d, image, i, 0, 0)
		rs.Annotations[revisionAnnotation] = string(rune('1' + i))
		old = append(old, rs)
	}
	if got := obsolete(d, old); len(got) != 2 || got[0] != old[0] || got[1] != old[1] {
		t.Errorf("got %d", len(got))
	}
	old[0].Status.Replicas = 1
	if got := obsolete(d, old); len(got) != 1 || got[0] != old[1] {
		t.Error("a ReplicaSet with pods must not go")
	}
	d.Spec.RevisionHistoryLimit = nil
	if got := obsolete(d, old); got != nil {
		t.Error("without a limit nothing goes")
	}
}

func TestTheOldestReplicaSetWithTheTemplateIsTheNewOne(t *testing.T) {
	d := deploy(1, "1", "0", "a")
	first, second, other := set(d, "a", 1, 0, 0), set(d, "a", 2, 0, 0), set(d, "b", 0, 0, 0)
	second.UID, second.Name = "x", "web-x"
	newRS, oldRSs := split(d, []*appsv1.ReplicaSet{second, other, first})
	if newRS != first || len(oldRSs) != 2 || oldRSs[0] != other || oldRSs[1] != second {
		t.Errorf("new %s, %d old", newRS.Name, len(oldRSs))
	}
}

func TestNamesAreCutToFit(t *testing.T) {
	if got := replicaSetName(strings.Repeat("a", 300), "799b96bdbf"); len(got) != 253 || !strings.HasSuffix(got, "-799b96bdbf") {
		t.Errorf("%d characters", len(got))
	}
}
