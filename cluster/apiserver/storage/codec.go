package storage

import (
	"bytes"
	"fmt"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/etcd/mvcc"
)

// Codec turns objects into bytes and back, for backups of the store. The bytes are those that an API server keeps in a
// real etcd: protobuf in its envelope, without the resource version.
type Codec struct {
	// Detector watches what is decoded; nil is none.
	Detector *Detector
}

var encoding = protobuf.NewSerializer(api.Scheme, api.Scheme)

// Encode implements backup.Codec.
func (Codec) Encode(v mvcc.Value) ([]byte, error) {
	s, ok := v.(*Stored)
	if !ok {
		return nil, fmt.Errorf("a %T is no object of the API", v)
	}
	kinds, _, err := api.Scheme.ObjectKinds(s.object)
	if err != nil {
		return nil, err
	}
	c := api.ShallowCopy(s.object)
	api.Meta(c).ResourceVersion = ""
	c.GetObjectKind().SetGroupVersionKind(kinds[0])
	var b bytes.Buffer
	if err := encoding.Encode(c, &b); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// Decode implements backup.Codec.
func (c Codec) Decode(data []byte) (mvcc.Value, error) {
	decoded, _, err := encoding.Decode(data, nil, nil)
	if err != nil {
		return nil, err
	}
	object, ok := decoded.(api.Object)
	if !ok {
		return nil, fmt.Errorf("a %T is no object of the API", decoded)
	}
	object.GetObjectKind().SetGroupVersionKind(schema.GroupVersionKind{})
	api.NormaliseTimes(object)
	return NewStored(object, c.Detector), nil
}
