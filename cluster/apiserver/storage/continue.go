package storage

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"strings"
)

// continueToken is where a list goes on: the part of the key behind the list's prefix, and the revision of its first page.
// A negative revision goes on at the newest, which is inconsistent with the pages before.
type continueToken struct {
	APIVersion      string `json:"v"`
	ResourceVersion int64  `json:"rv"`
	StartKey        string `json:"start"`
}

const continueVersion = "meta.k8s.io/v1"

// EncodeContinue builds the token for a list of prefix that goes on after lastKey.
func EncodeContinue(lastKey, prefix string, revision int64) string {
	return encodeContinueAt(lastKey+"\x00", prefix, revision)
}

func encodeContinueAt(startKey, prefix string, revision int64) string {
	start, ok := strings.CutPrefix(startKey, prefix)
	if !ok {
		panic(fmt.Sprintf("storage: the last key %q of a list is not below its prefix %q", startKey, prefix))
	}
	token, err := json.Marshal(continueToken{APIVersion: continueVersion, ResourceVersion: revision, StartKey: start})
	if err != nil {
		panic("storage: a continue token does not encode: " + err.Error())
	}
	return base64.RawURLEncoding.EncodeToString(token)
}

// DecodeContinue undoes EncodeContinue. The errors are the user's: a token is not to be made by hand.
func DecodeContinue(token, prefix string) (fromKey string, revision int64, err error) {
	data, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return "", 0, fmt.Errorf("continue key is not valid: %v", err)
	}
	var t continueToken
	if err := json.Unmarshal(data, &t); err != nil {
		return "", 0, fmt.Errorf("continue key is not valid: %v", err)
	}
	switch {
	case t.APIVersion != continueVersion:
		return "", 0, fmt.Errorf("continue key is not valid: server does not recognize this encoded version %v", t.APIVersion)
	case t.ResourceVersion == 0:
		return "", 0, errors.New("continue key is not valid: incorrect encoded start resourceVersion (version meta.k8s.io/v1)")
	case t.StartKey == "":
		return "", 0, errors.New("continue key is not valid: encoded start key empty (version meta.k8s.io/v1)")
	}
	// A key may not climb out of the list's prefix.
	start := t.StartKey
	if !strings.HasPrefix(start, "/") {
		start = "/" + start
	}
	if path.Clean(start) != start {
		return "", 0, fmt.Errorf("continue key is not valid: %v", t.StartKey)
	}
	return prefix + start[1:], t.ResourceVersion, nil
}
