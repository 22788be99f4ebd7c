package expect

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/fauxkube/fauxkube/cluster/api"
)

// fixture is a View of a few objects.
type fixture struct {
	objects map[*api.Resource][]api.Object
}

func (f fixture) Get(r *api.Resource, key string) (api.Object, bool) {
	for _, o := range f.objects[r] {
		if api.KeyOf(o) == key {
			return o, true
		}
	}
	return nil, false
}

func (f fixture) List(r *api.Resource, namespace string, selector labels.Selector) []api.Object {
	var found []api.Object
	for _, o := range f.objects[r] {
		if (namespace == "" || o.GetNamespace() == namespace) && selector.Matches(labels.Set(o.GetLabels())) {
			found = append(found, o)
		}
	}
	return found
}

func (fixture) Metric(name string, set map[string]string) (float64, bool) {
	return 42, name == "known" && (len(set) == 0 || set["verb"] == "GET")
}

func (fixture) Now() time.Time { return time.Date(2026, 1, 1, 0, 1, 0, 0, time.UTC) }

func (fixture) Since(step string) (time.Duration, bool) { return 90 * time.Second, step == "cut" }

func small() fixture {
	created := metav1.NewTime(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	pod := func(name, app string) *corev1.Pod {
		return &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, Labels: map[string]string{"app": app}, CreationTimestamp: created},
			Spec: corev1.PodSpec{NodeName: "n1", Containers: []corev1.Container{{
				Name: "c", Image: "web", Ports: []corev1.ContainerPort{{ContainerPort: 80}},
				Resources:      corev1.ResourceRequirements{Requests: corev1.ResourceList{"cpu": resource.MustParse("250m")}},
				ReadinessProbe: &corev1.Probe{ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Port: intstr.FromString("http")}}},
			}}},
			Status: corev1.PodStatus{Phase: corev1.PodRunning, Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}},
		}
	}
	return fixture{map[*api.Resource][]api.Object{
		api.Deployments: {&appsv1.Deployment{
			ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web"}, Status: appsv1.DeploymentStatus{AvailableReplicas: 2},
		}},
		api.Pods:   {pod("web-1", "web"), pod("web-2", "web"), pod("db-1", "db")},
		api.Events: {&corev1.Event{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "e"}, Reason: "Scheduled"}},
		api.Nodes:  {&corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n1"}}},
	}}
}

func TestExpressions(t *testing.T) {
	for _, text := range []string{
		"get('Deployment', 'shop/web').status.availableReplicas == 2",
		"get('Deployment', 'shop/web').status.updatedReplicas == 0",
		"get('Deployment', 'shop/web').spec.replicas == 0", // An absent optional number.
		"get('Deployment', 'shop/web').spec.strategy.rollingUpdate.maxSurge == 0",
		"!has(get('Deployment', 'shop/web').spec.replicas)",
		"get('apps/v1/Deployment', 'shop/web').kind == '' || true",
		"list('Pod', 'shop', 'app=web').size() == 2",
		"list('Pod').all(p, p.status.conditions.exists(c, c.type == 'Ready' && c.status == 'True'))",
		"list('pods', 'shop').filter(p, p.metadata.labels['app'] == 'db').size() == 1",
		"list('Pod', 'other').size() == 0",
		"list('Pod', '', 'app in (web, db)').map(p, p.metadata.name) == ['web-1', 'web-2', 'db-1']",
		"exists('Node', 'n1') && !exists('Node', 'n2')",
		"events().exists(e, e.reason == 'Scheduled')",
		"metric('known') == 42.0 && metric('known', 'verb=GET') > 41.0",
		"now - get('Pod', 'shop/web-1').metadata.creationTimestamp == duration('60s')",
		"since('cut') >= duration('1m30s')",
		"get('Pod', 'shop/web-1').spec.containers[0].resources.requests['cpu'] == quantity('250m')",
		"get('Pod', 'shop/web-1').spec.containers[0].readinessProbe.httpGet.port == 'http'",
		"get('Pod', 'shop/web-1').spec.containers[0].ports[0].containerPort in [80, 443]",
		"get('Pod', 'shop/web-1').metadata.deletionTimestamp < now",
	} {
		p, err := Compile(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if ok, err := p.Eval(small()); err != nil || !ok {
			t.Errorf("%s: %v, %v; %v", text, ok, err, p.Explain(small()))
		}
	}
}

func TestMistakesInExpressions(t *testing.T) {
	for text, want := range map[string]string{
		"get('Deployment', 'shop/web').status.availableReplica == 2": "column 37: undefined field 'availableReplica'",
		"get('Deployment', 'shop/web').status.availableReplicas":     "the expression gives a int: want true or false",
		"get('Deploymint', 'shop/web').status.x == 1":                `column 5: "Deploymint" is not a kind that is served here: want a literal such as 'Pod'`,
		"1 ==":                        "column 5: Syntax error",
		"get('Pod', 'a/b').spec == 3": "column 24: found no matching overload for '_==_'",
	} {
		if _, err := Compile(text); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s:\ngot  %v\nwant %s", text, err, want)
		}
	}
}

func TestAbsentObjectsAreToldFromErrors(t *testing.T) {
	p, err := Compile("get('Pod', 'shop/none').status.phase == 'Running'")
	if err != nil {
		t.Fatal(err)
	}
	var absent *AbsentError
	if _, err := p.Eval(small()); !errors.As(err, &absent) || absent.What != "Pod shop/none does not exist" {
		t.Errorf("Eval returned %v", err)
	}
	if p, err = Compile("[1, 2][int(metric('known'))] == 1"); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Eval(small()); err == nil || errors.As(err, &absent) {
		t.Errorf("an index out of range gave %v", err)
	}
}

func TestProgramsSayWhatTheyRead(t *testing.T) {
	p, err := Compile("list('Pod').all(p, exists('Node', p.spec.nodeName)) && since('cut') > duration('1s') && metric('m') > 0.0 && events().size() > 0")
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(p.Reads, api.Pods) || !slices.Contains(p.Reads, api.Nodes) || !slices.Contains(p.Reads, api.Events) || len(p.Reads) != 3 {
		t.Errorf("reads %d kinds", len(p.Reads))
	}
	if !p.ReadsTime || !p.ReadsMetrics || !slices.Equal(p.Steps, []string{"cut"}) {
		t.Errorf("time %v, metrics %v, steps %v", p.ReadsTime, p.ReadsMetrics, p.Steps)
	}
}

func TestExplainGivesBothSides(t *testing.T) {
	p, err := Compile("get('Deployment', 'shop/web').status.availableReplicas >= list('Pod').size() && true")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{`get("Deployment", "shop/web").status.availableReplicas is 2`, `list("Pod").size() is 3`}
	if got := p.Explain(small()); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Of all and exists, the elements that decided are named.
func TestExplainNamesTheElements(t *testing.T) {
	for text, want := range map[string]string{
		"list('Pod').all(p, p.metadata.labels['app'] == 'db')":                 `list("Pod").filter(p, !(p.metadata.labels["app"] == "db")) is a list of 2: shop/web-1, shop/web-2`,
		"list('Pod').exists(p, p.metadata.labels['app'] == 'db') && true":      `list("Pod").filter(p, p.metadata.labels["app"] == "db") is a list of 1: shop/db-1`,
		"!events().exists(e, e.reason == 'Killing')":                           `events().filter(e, e.reason == "Killing") is a list of 0`,
		"list('Pod').filter(p, p.metadata.labels['app'] == 'web').size() == 3": `list("Pod").filter(p, p.metadata.labels["app"] == "web").size() is 2`,
		"list('Pod').map(p, p.metadata.name) == ['x']":                         `list("Pod").map(p, p.metadata.name) is a list of 3`,
	} {
		p, err := Compile(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Explain(small()); len(got) == 0 || got[0] != want {
			t.Errorf("%s\ngot  %q\nwant %s", text, got, want)
		}
	}
}

// A program is evaluated again only where a commit can change its value.
func TestProgramsSayWhatTouchesThem(t *testing.T) {
	cases := []struct {
		text     string
		resource *api.Resource
		key      string
		want     bool
	}{
		{"get('Pod', 'a/b').status.phase == 'Running'", api.Pods, "a/b", true},
		{"get('Pod', 'a/b').status.phase == 'Running'", api.Pods, "a/c", false},
		{"get('Pod', 'a/b').status.phase == 'Running'", api.Nodes, "a/b", false},
		{"exists('Node', 'n1')", api.Nodes, "n1", true},
		{"get('Pod', 'a/' + 'b').status.phase == 'Running'", api.Pods, "z/z", true},
		{"list('Pod', 'a').size() > 0", api.Pods, "a/b", true},
		{"list('Pod', 'a').size() > 0", api.Pods, "b/b", false},
		{"list('Pod', '').size() > 0", api.Pods, "b/b", true},
		{"list('Pod').size() > 0 && exists('Pod', 'a/b')", api.Pods, "b/b", true},
		{"list('Pod', 'a').all(p, exists('Node', p.spec.nodeName))", api.Nodes, "n7", true},
		{"events().size() == 0", api.Events, "x/y", true},
	}
	for _, c := range cases {
		p, err := Compile(c.text)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Touches(c.resource, c.key); got != c.want {
			t.Errorf("%s: touched by %s %s: %v, want %v", c.text, c.resource.Kind, c.key, got, c.want)
		}
	}
}

func TestObjectsArePrintedOnRequest(t *testing.T) {
	p, err := Compile("get('Deployment', 'shop/web').spec.template.spec.containers[0].image == 'x'")
	if err != nil {
		t.Fatal(err)
	}
	if got := p.Objects(small()); len(got) != 1 || !strings.HasPrefix(got[0], `get("Deployment", "shop/web") is {`) {
		t.Errorf("got %q", got)
	}
}

func BenchmarkEval(b *testing.B) {
	p, err := Compile("get('Deployment', 'shop/web').status.availableReplicas >= 2")
	if err != nil {
		b.Fatal(err)
	}
	view := small()
	b.ReportAllocs()
	for range b.N {
		if _, err := p.Eval(view); err != nil {
			b.Fatal(err)
		}
	}
}
