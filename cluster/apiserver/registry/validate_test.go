package registry

import (
	"strings"
	"testing"

	"github.com/fauxkube/fauxkube/cluster/api"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// Manifests that are valid as they stand; each case of the tests below changes a line.
const (
	podManifest = `
apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  containers:
  - name: c
    image: nginx:1.25
`
	deploymentManifest = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: d}
spec:
  replicas: 2
  selector: {matchLabels: {app: d}}
  template:
    metadata: {labels: {app: d}}
    spec:
      containers:
      - name: c
        image: nginx:1.25
`
	serviceManifest = `
apiVersion: v1
kind: Service
metadata: {name: s}
spec:
  selector: {app: d}
  ports: [{port: 80}]
`
	jobManifest = `
apiVersion: batch/v1
kind: Job
metadata: {name: j}
spec:
  template:
    spec:
      restartPolicy: Never
      containers: [{name: c, image: "busybox:1"}]
`
	claimManifest = `
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: c}
spec:
  accessModes: [ReadWriteOnce]
  resources: {requests: {storage: 1Gi}}
`
)

func createYAML(t *testing.T, w *world, manifest string) (api.Object, error) {
	t.Helper()
	obj, r, err := api.Decode([]byte(manifest))
	if err != nil {
		t.Fatalf("%v in\n%s", err, manifest)
	}
	namespace := ""
	if r.Namespaced {
		namespace = "demo"
	}
	out, err := For(r).Create(w.context(), namespace, obj)
	if err != nil {
		return nil, err
	}
	api.Meta(out.Object).ResourceVersion = "7"
	return out.Object, nil
}

// TestCreateRefusesWithTheAPIsOwnWords changes one line of a valid manifest and expects the whole message.
func TestCreateRefusesWithTheAPIsOwnWords(t *testing.T) {
	for _, c := range []struct{ name, base, from, to, want string }{
		{"no name", podManifest, "{name: p}", "{}", `Pod "" is invalid: metadata.name: Required value: name or generateName is required`},
		{"bad name", podManifest, "{name: p}", "{name: P_}", `Pod "P_" is invalid: metadata.name: Invalid value: "P_": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')`},
		{"no containers", podManifest, "  containers:\n  - name: c\n    image: nginx:1.25", "  containers: []", `Pod "p" is invalid: spec.containers: Required value`},
		{"no image", podManifest, "    image: nginx:1.25", "", `Pod "p" is invalid: spec.containers[0].image: Required value`},
		{"bad container name", podManifest, "name: c", "name: C", `Pod "p" is invalid: spec.containers[0].name: Invalid value: "C": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')`},
		{"request over limit", podManifest, "image: nginx:1.25", "image: nginx:1.25\n    resources: {requests: {cpu: 2}, limits: {cpu: 1}}", `Pod "p" is invalid: spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1`},
		{"unknown resource", podManifest, "image: nginx:1.25", "image: nginx:1.25\n    resources: {requests: {cpus: 2}}", `Pod "p" is invalid: [spec.containers[0].resources.requests[cpus]: Invalid value: "cpus": must be a standard resource type or fully qualified, spec.containers[0].resources.requests[cpus]: Invalid value: "cpus": must be a standard resource for containers]`},
		{"port out of range", podManifest, "image: nginx:1.25", "image: nginx:1.25\n    ports: [{containerPort: 70000}]", `Pod "p" is invalid: spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive`},
		{"duplicate container", podManifest, "image: nginx:1.25", "image: nginx:1.25\n  - name: c\n    image: x", `Pod "p" is invalid: spec.containers[1].name: Duplicate value: "c"`},
		{"unknown volume", podManifest, "image: nginx:1.25", "image: nginx:1.25\n    volumeMounts: [{name: v, mountPath: /v}]", `Pod "p" is invalid: spec.containers[0].volumeMounts[0].name: Not found: "v"`},
		{"probe without handler", podManifest, "image: nginx:1.25", "image: nginx:1.25\n    livenessProbe: {periodSeconds: 5}", `Pod "p" is invalid: spec.containers[0].livenessProbe: Required value: must specify a handler type`},
		{"liveness twice", podManifest, "image: nginx:1.25", "image: nginx:1.25\n    livenessProbe: {tcpSocket: {port: 80}, successThreshold: 2}", `Pod "p" is invalid: spec.containers[0].livenessProbe.successThreshold: Invalid value: 2: must be 1`},
		{"bad pull policy", podManifest, "image: nginx:1.25", "image: nginx:1.25\n    imagePullPolicy: Sometimes", `Pod "p" is invalid: spec.containers[0].imagePullPolicy: Unsupported value: "Sometimes": supported values: "Always", "IfNotPresent", "Never"`},
		{"bad label value", podManifest, "{name: p}", "{name: p, labels: {a: 'b c'}}", `Pod "p" is invalid: metadata.labels: Invalid value: "b c": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')`},
		{"negative grace", podManifest, "spec:", "spec:\n  terminationGracePeriodSeconds: -1", `Pod "p" is invalid: spec.terminationGracePeriodSeconds: Invalid value: -1: must be greater than or equal to 0`},
		{"seconds without NoExecute", podManifest, "spec:", "spec:\n  tolerations: [{key: k, operator: Exists, effect: NoSchedule, tolerationSeconds: 5}]", `Pod "p" is invalid: spec.tolerations[0].effect: Invalid value: "NoSchedule": effect must be 'NoExecute' when ` + "`tolerationSeconds`" + ` is set`},
		{"no service account", podManifest, "spec:", "spec:\n  serviceAccountName: robot", `pods "p" is forbidden: error looking up service account demo/robot: serviceaccount "robot" not found`},
		{"no priority class", podManifest, "spec:", "spec:\n  priorityClassName: urgent", `pods "p" is forbidden: no PriorityClass with name urgent was found`},
		{"priority by hand", podManifest, "spec:", "spec:\n  priority: 7", `pods "p" is forbidden: the integer value of priority (7) must not be provided in pod spec; priority admission controller computed 0 from the given PriorityClass name`},

		{"selector and labels differ", deploymentManifest, "metadata: {labels: {app: d}}", "metadata: {labels: {app: e}}", `Deployment.apps "d" is invalid: spec.template.metadata.labels: Invalid value: {"app":"e"}: ` + "`selector` does not match template `labels`"},
		{"no selector", deploymentManifest, "  selector: {matchLabels: {app: d}}\n", "", `Deployment.apps "d" is invalid: spec.selector: Required value`},
		{"negative replicas", deploymentManifest, "replicas: 2", "replicas: -2", `Deployment.apps "d" is invalid: spec.replicas: Invalid value: -2: must be greater than or equal to 0`},
		{"never restarted", deploymentManifest, "    spec:\n", "    spec:\n      restartPolicy: Never\n", `Deployment.apps "d" is invalid: spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"`},
		{"neither surge nor unavailable", deploymentManifest, "replicas: 2", "replicas: 2\n  strategy: {rollingUpdate: {maxSurge: 0, maxUnavailable: 0}}", `Deployment.apps "d" is invalid: spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when ` + "`maxSurge`" + ` is 0`},
		{"deadline within ready time", deploymentManifest, "replicas: 2", "replicas: 2\n  minReadySeconds: 600", `Deployment.apps "d" is invalid: spec.progressDeadlineSeconds: Invalid value: 600: must be greater than minReadySeconds`},

		{"no ports", serviceManifest, "  ports: [{port: 80}]\n", "", `Service "s" is invalid: spec.ports: Required value`},
		{"unnamed ports", serviceManifest, "[{port: 80}]", "[{port: 80}, {port: 81, name: b}]", `Service "s" is invalid: spec.ports[0].name: Required value`},
		{"address outside", serviceManifest, "spec:", "spec:\n  clusterIP: 10.0.0.1", `Service "s" is invalid: spec.clusterIPs[0]: Invalid value: ["10.0.0.1"]: failed to allocate IP 10.0.0.1: the provided IP (10.0.0.1) is not in the valid range. The range of valid IPs is 10.96.0.0/12`},

		{"always restarted", jobManifest, "restartPolicy: Never", "restartPolicy: Always", `Job.batch "j" is invalid: spec.template.spec.restartPolicy: Unsupported value: "Always": supported values: "OnFailure", "Never"`},
		{"no storage", claimManifest, "resources: {requests: {storage: 1Gi}}", "resources: {}", `PersistentVolumeClaim "c" is invalid: spec.resources[storage]: Required value`},
	} {
		t.Run(c.name, func(t *testing.T) {
			changed := strings.Replace(c.base, c.from, c.to, 1)
			if changed == c.base {
				t.Fatalf("%q does not occur", c.from)
			}
			_, err := createYAML(t, demo(), changed)
			if err == nil {
				t.Fatal("accepted")
			}
			if err.Error() != c.want {
				t.Errorf("got  %s\nwant %s", err, c.want)
			}
		})
	}
}

func TestValidManifestsAreAccepted(t *testing.T) {
	for _, m := range []string{podManifest, deploymentManifest, serviceManifest, jobManifest, claimManifest} {
		if _, err := createYAML(t, demo(), m); err != nil {
			t.Error(err)
		}
	}
}

// TestUpdateRefusesWhatIsImmutable creates an object, replaces text of its YAML and updates it.
func TestUpdateRefusesWhatIsImmutable(t *testing.T) {
	for _, c := range []struct{ name, base, from, to, want string }{
		{"deployment selector", deploymentManifest, "{app: d}", "{app: e}", `Deployment.apps "d" is invalid: spec.selector: Invalid value: {"matchLabels":{"app":"e"}}: field is immutable`},
		{"pod command", podManifest, "image: nginx:1.25", "image: nginx:1.25\n    command: [sh]", `Pod "p" is invalid: spec: Forbidden: ` + podImmutable},
		{"pod containers", podManifest, "image: nginx:1.25", "image: nginx:1.25\n  - name: d\n    image: x", `Pod "p" is invalid: spec.containers: Forbidden: pod updates may not add or remove containers`},
		{"job template", jobManifest, "busybox:1", "busybox:2", `field is immutable`},
		{"claim class", claimManifest, "spec:", "spec:\n  volumeMode: Block", `PersistentVolumeClaim "c" is invalid: spec: Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims`},
		{"stale version", deploymentManifest, "metadata: {name: d}", "metadata: {name: d, resourceVersion: '6'}", `Operation cannot be fulfilled on deployments.apps "d": the object has been modified; please apply your changes to the latest version and try again`},
		{"other uid", deploymentManifest, "metadata: {name: d}", "metadata: {name: d, uid: other}", `Operation cannot be fulfilled on deployments.apps "d": Precondition failed: UID in precondition: other, UID in object meta: 00000000-0000-0000-0000-000000000001`},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := demo()
			old, err := createYAML(t, w, c.base)
			if err != nil {
				t.Fatal(err)
			}
			obj, r, err := api.Decode([]byte(strings.ReplaceAll(c.base, c.from, c.to)))
			if err != nil {
				t.Fatal(err)
			}
			if pod := api.ResourceOf(obj) == api.Pods; pod {
				obj = withTokenOf(t, obj, old)
			}
			_, err = For(r).Update(w.context(), "", old, obj)
			if err == nil {
				t.Fatal("accepted")
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("got  %s\nwant %s", err, c.want)
			}
		})
	}
}

func TestTerminatingNamespaceRefusesNewContent(t *testing.T) {
	w := demo()
	ns := For(api.Namespaces)
	old := w.Get(api.Namespaces, "", "demo")
	api.Meta(old).ResourceVersion = "3"
	out, err := ns.Delete(w.context(), old, nil)
	if err != nil || out.Action != Write {
		t.Fatalf("delete = %v, %v", out.Action, err)
	}
	w.add(out.Object)
	_, err = createYAML(t, w, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n")
	want := `configmaps "x" is forbidden: unable to create new content in namespace demo because it is being terminated`
	if err == nil || err.Error() != want {
		t.Fatalf("got %v, want %s", err, want)
	}
	if !apierrors.HasStatusCause(err, "NamespaceTerminating") {
		t.Error("the cause NamespaceTerminating is missing")
	}
	w2 := demo()
	_, err = For(api.ConfigMaps).Create(w2.context(), "nowhere", api.ConfigMaps.New())
	if !apierrors.IsNotFound(err) || err.Error() != `namespaces "nowhere" not found` {
		t.Errorf("unknown namespace: %v", err)
	}
}
