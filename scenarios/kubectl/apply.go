package kubectl

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/strategicpatch"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/client"
)

// lastApplied is the annotation in which apply remembers what it was given.
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

func runApply(e *execution) error {
	return e.forEach(func(m Manifest) error {
		modified := m.annotated()
		meta := api.Meta(m.object)
		current, err := client.Get[api.Object](e.task, e.client, m.resource, meta.Namespace, meta.Name)
		if apierrors.IsNotFound(err) {
			if _, err := client.Create(e.task, e.client, m.resource, modified.object); err != nil {
				return err
			}
			e.printf("%s created", title(m.resource, meta.Name))
			return nil
		}
		if err != nil {
			return err
		}
		patch, err := threeWay(current, modified)
		if err != nil {
			return err
		}
		if string(patch) == "{}" {
			e.printf("%s unchanged", title(m.resource, meta.Name))
			return nil
		}
		if _, err := e.patch(m.resource, meta.Namespace, meta.Name, types.StrategicMergePatchType, patch, ""); err != nil {
			return err
		}
		e.printf("%s configured", title(m.resource, meta.Name))
		return nil
	})
}

// forEach runs fn over the manifests; the first errors do not keep the later objects from being tried.
func (e *execution) forEach(fn func(Manifest) error) error {
	var problems []error
	for _, m := range e.objects {
		if err := fn(m); err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", title(m.resource, api.Meta(m.object).Name), err))
		}
	}
	return errors.Join(problems...)
}

// annotated is the manifest with the annotation that holds it: JSON with sorted keys, an empty annotation map where
// there was none, and a final newline.
func (m Manifest) annotated() Manifest {
	raw := deepCopyJSON(m.raw)
	metadata, _ := raw["metadata"].(map[string]any)
	annotations, _ := metadata["annotations"].(map[string]any)
	if annotations == nil {
		annotations = map[string]any{}
		metadata["annotations"] = annotations
	}
	delete(annotations, lastApplied)
	text := string(mustJSON(raw)) + "\n"
	object := m.object.DeepCopyObject().(api.Object)
	object.SetAnnotations(api.With(object.GetAnnotations(), lastApplied, text))
	annotations[lastApplied] = text
	return Manifest{resource: m.resource, object: object, raw: raw}
}

// threeWay computes apply's patch from what was applied last, what is wanted, and what is there.
func threeWay(current api.Object, modified Manifest) ([]byte, error) {
	schema, err := strategicpatch.NewPatchMetaFromStruct(modified.object)
	if err != nil {
		return nil, err
	}
	var original []byte
	if text := current.GetAnnotations()[lastApplied]; text != "" {
		original = []byte(text)
	}
	now, err := api.Encode(current)
	if err != nil {
		return nil, err
	}
	return strategicpatch.CreateThreeWayMergePatch(original, mustJSON(modified.raw), now, schema, true)
}

func mustJSON(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("kubectl: a decoded document cannot be encoded: %v", err))
	}
	return data
}

func deepCopyJSON(m map[string]any) map[string]any {
	var out map[string]any
	if err := json.Unmarshal(mustJSON(m), &out); err != nil {
		panic(fmt.Sprintf("kubectl: an encoded document cannot be decoded: %v", err))
	}
	return out
}

func runCreate(e *execution) error {
	if len(e.objects) == 0 {
		m, err := e.generate()
		if err != nil {
			return err
		}
		if _, err := client.Create(e.task, e.client, m.resource, m.object); err != nil {
			return fmt.Errorf("failed to create %s: %w", m.resource.Singular, err)
		}
		e.printf("%s created", title(m.resource, m.object.GetName()))
		return nil
	}
	return e.forEach(func(m Manifest) error {
		created, err := client.Create(e.task, e.client, m.resource, m.object)
		if err != nil {
			return err
		}
		e.printf("%s created", title(m.resource, created.GetName()))
		return nil
	})
}

// generate makes the object of a create without a file.
func (e *execution) generate() (Manifest, error) {
	kind, name := e.args[0], e.args[len(e.args)-1]
	meta := metav1.ObjectMeta{Name: name, Namespace: e.options.namespace}
	literals, err := e.literals()
	if err != nil {
		return Manifest{}, err
	}
	switch api.ForName(kind) {
	case api.Namespaces:
		return Manifest{resource: api.Namespaces, object: &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}}, nil
	case api.ServiceAccounts:
		return Manifest{resource: api.ServiceAccounts, object: &corev1.ServiceAccount{ObjectMeta: meta}}, nil
	case api.ConfigMaps:
		return Manifest{resource: api.ConfigMaps, object: &corev1.ConfigMap{ObjectMeta: meta, Data: literals}}, nil
	case api.Secrets:
		data := map[string][]byte{}
		for k, v := range literals { //sim:unordered builds another map
			data[k] = []byte(v)
		}
		return Manifest{resource: api.Secrets, object: &corev1.Secret{ObjectMeta: meta, Data: data, Type: corev1.SecretTypeOpaque}}, nil
	case api.Deployments:
		return Manifest{resource: api.Deployments, object: e.deployment(meta)}, nil
	}
	return Manifest{}, fmt.Errorf("create %s: want create %s", kind, e.verb.usage)
}

func (e *execution) literals() (map[string]string, error) {
	values := map[string]string{}
	for _, literal := range e.options.literals {
		k, v, ok := strings.Cut(literal, "=")
		if !ok {
			return nil, fmt.Errorf("--from-literal=%s: want KEY=VALUE", literal)
		}
		values[k] = v
	}
	return values, nil
}

// deployment is what kubectl create deployment makes.
func (e *execution) deployment(meta metav1.ObjectMeta) *appsv1.Deployment {
	labels := map[string]string{"app": meta.Name}
	meta.Labels = labels
	d := &appsv1.Deployment{ObjectMeta: meta, Spec: appsv1.DeploymentSpec{
		Replicas: api.Ptr(int32(e.options.replicas)), Selector: &metav1.LabelSelector{MatchLabels: labels},
		Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}},
	}}
	for _, image := range e.options.images {
		d.Spec.Template.Spec.Containers = append(d.Spec.Template.Spec.Containers, corev1.Container{Name: containerName(image), Image: image})
	}
	return d
}

// containerName is the last part of an image's path, without its tag.
func containerName(image string) string {
	name := image[strings.LastIndex(image, "/")+1:]
	name, _, _ = strings.Cut(name, "@")
	name, _, _ = strings.Cut(name, ":")
	return strings.ReplaceAll(name, "_", "-")
}

// patch sends a patch as bytes.
func (e *execution) patch(r *api.Resource, namespace, name string, t types.PatchType, data []byte, subresource string) (api.Object, error) {
	return client.Patch[api.Object](e.task, e.client, r, namespace, name, &api.PatchBody{Type: t, Data: data, SizeBytes: len(data)}, subresource)
}

// twoWay sends the strategic patch from before to after; nothing where they are equal.
func (e *execution) twoWay(r *api.Resource, before, after api.Object) error {
	old, err := api.Encode(before)
	if err != nil {
		return err
	}
	changed, err := api.Encode(after)
	if err != nil {
		return err
	}
	data, err := strategicpatch.CreateTwoWayMergePatch(old, changed, r.New())
	if err != nil {
		return err
	}
	if string(data) == "{}" {
		return nil
	}
	meta := api.Meta(before)
	_, err = e.patch(r, meta.Namespace, meta.Name, types.StrategicMergePatchType, data, "")
	return err
}
