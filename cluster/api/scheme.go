package api

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	eventsv1 "k8s.io/api/events/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	schedulingv1alpha2 "k8s.io/api/scheduling/v1alpha2"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/yaml"
	sigsyaml "sigs.k8s.io/yaml"
)

// Scheme knows every served type.
var Scheme = buildScheme()

// Codecs decodes strictly: an unknown or repeated field is an error.
var Codecs = serializer.NewCodecFactory(Scheme, serializer.EnableStrict)

func buildScheme() *runtime.Scheme {
	s := runtime.NewScheme()
	metav1.AddToGroupVersion(s, schema.GroupVersion{Version: "v1"})
	for _, add := range []func(*runtime.Scheme) error{
		corev1.AddToScheme, appsv1.AddToScheme, autoscalingv1.AddToScheme, autoscalingv2.AddToScheme,
		batchv1.AddToScheme, coordinationv1.AddToScheme, discoveryv1.AddToScheme, eventsv1.AddToScheme,
		networkingv1.AddToScheme, policyv1.AddToScheme, rbacv1.AddToScheme, schedulingv1.AddToScheme, schedulingv1alpha2.AddToScheme,
		storagev1.AddToScheme,
	} {
		if err := add(s); err != nil {
			panic(fmt.Sprintf("api: scheme: %v", err))
		}
	}
	return s
}

// ErrNotServed says that a manifest names a kind outside the resource table.
type ErrNotServed struct{ APIVersion, Kind string }

func (e *ErrNotServed) Error() string {
	return fmt.Sprintf("no matches for kind %q in version %q", e.Kind, e.APIVersion)
}

// Decode reads one object from YAML or JSON, strictly. Objects carry no TypeMeta afterwards: ResourceOf knows their kind.
// A kind that is not served gives *ErrNotServed.
func Decode(data []byte) (Object, *Resource, error) {
	json, err := sigsyaml.YAMLToJSONStrict(data)
	if err != nil {
		return nil, nil, err
	}
	var tm metav1.TypeMeta
	if err := sigsyaml.Unmarshal(json, &tm); err != nil {
		return nil, nil, err
	}
	r := ForKind(tm.APIVersion, tm.Kind)
	if r == nil {
		return nil, nil, &ErrNotServed{APIVersion: tm.APIVersion, Kind: tm.Kind}
	}
	obj, _, err := Codecs.UniversalDeserializer().Decode(json, nil, nil)
	if err != nil {
		return nil, nil, err
	}
	o := obj.(Object)
	o.GetObjectKind().SetGroupVersionKind(schema.GroupVersionKind{})
	NormaliseTimes(o)
	return o, r, nil
}

// NormaliseTimes puts every time in an object into UTC: decoding JSON leaves them in the host's zone. It walks the whole
// object, so it belongs to the edge, right after decoding.
func NormaliseTimes(obj Object) { normaliseTimes(reflect.ValueOf(obj)) }

var (
	timeType      = reflect.TypeFor[metav1.Time]()
	microTimeType = reflect.TypeFor[metav1.MicroTime]()
)

func normaliseTimes(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			normaliseTimes(v.Elem())
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return
		}
		for i := range v.Len() {
			normaliseTimes(v.Index(i))
		}
	case reflect.Map:
		normaliseMap(v)
	case reflect.Struct:
		normaliseStruct(v)
	}
}

func normaliseStruct(v reflect.Value) {
	switch v.Type() {
	case timeType:
		t := v.Addr().Interface().(*metav1.Time)
		t.Time = t.UTC()
	case microTimeType:
		t := v.Addr().Interface().(*metav1.MicroTime)
		t.Time = t.UTC()
	default:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				normaliseTimes(v.Field(i))
			}
		}
	}
}

// normaliseMap handles the one map of times that the API has, a disruption budget's disruptedPods.
func normaliseMap(v reflect.Value) {
	times, ok := v.Interface().(map[string]metav1.Time)
	if !ok {
		return
	}
	for name, t := range times { //sim:unordered each entry is rewritten by itself
		times[name] = metav1.Time{Time: t.UTC()}
	}
}

// Documents splits a multi-document YAML stream, dropping documents without content.
func Documents(data []byte) ([][]byte, error) {
	var docs [][]byte
	r := yaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(data)))
	for {
		doc, err := r.Read()
		if errors.Is(err, io.EOF) {
			return docs, nil
		}
		if err != nil {
			return nil, err
		}
		if json, err := sigsyaml.YAMLToJSON(doc); err == nil && string(json) == "null" {
			continue
		}
		docs = append(docs, doc)
	}
}

// Encode writes an object as JSON with its apiVersion and kind, as the API shows it.
func Encode(obj Object) ([]byte, error) {
	u, err := ToMap(obj)
	if err != nil {
		return nil, err
	}
	return marshalMap(u)
}

// EncodeYAML writes an object as YAML with its apiVersion and kind.
func EncodeYAML(obj Object) ([]byte, error) {
	u, err := ToMap(obj)
	if err != nil {
		return nil, err
	}
	return sigsyaml.Marshal(u)
}
