package oracle

import (
	"fmt"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"

	"github.com/fauxkube/fauxkube/cluster/etcd"
	"github.com/fauxkube/fauxkube/cluster/etcd/mvcc"
)

// toSimulated translates a request and names the call.
func toSimulated(request message) (method string, payload any) {
	switch q := request.(type) {
	case *pb.RangeRequest:
		return "Range", rangeRequest(q)
	case *pb.PutRequest:
		return "Put", putRequest(q)
	case *pb.DeleteRangeRequest:
		return "DeleteRange", deleteRequest(q)
	case *pb.TxnRequest:
		return "Txn", txnRequest(q)
	case *pb.CompactionRequest:
		return "Compact", &etcd.CompactionRequest{Revision: q.Revision, Physical: q.Physical}
	case *pb.LeaseGrantRequest:
		return "LeaseGrant", &etcd.LeaseGrantRequest{ID: q.ID, TTLSeconds: q.TTL}
	case *pb.LeaseRevokeRequest:
		return "LeaseRevoke", &etcd.LeaseRevokeRequest{ID: q.ID}
	case *pb.LeaseKeepAliveRequest:
		return "LeaseKeepAlive", &etcd.LeaseKeepAliveRequest{ID: q.ID}
	case *pb.LeaseTimeToLiveRequest:
		return "LeaseTimeToLive", &etcd.LeaseTimeToLiveRequest{ID: q.ID, Keys: q.Keys}
	case *pb.LeaseLeasesRequest:
		return "LeaseLeases", &etcd.LeaseLeasesRequest{}
	case *pb.AlarmRequest:
		return "Alarm", &etcd.AlarmRequest{
			Action: etcd.AlarmAction(q.Action), Alarm: etcd.Alarm{MemberID: q.MemberID, Type: etcd.AlarmType(q.Alarm)},
		}
	case *pb.MemberListRequest:
		return "MemberList", &etcd.MemberListRequest{Linearizable: q.Linearizable}
	case *pb.HashKVRequest:
		return "HashKV", &etcd.HashKVRequest{Revision: q.Revision}
	default:
		panic(fmt.Sprintf("no translation of a %T", request))
	}
}

func rangeRequest(q *pb.RangeRequest) *etcd.RangeRequest {
	return &etcd.RangeRequest{
		Key: string(q.Key), RangeEnd: string(q.RangeEnd), Limit: q.Limit, Revision: q.Revision,
		SortOrder: mvcc.SortOrder(q.SortOrder), SortTarget: mvcc.SortTarget(q.SortTarget), Serializable: q.Serializable,
		KeysOnly: q.KeysOnly, CountOnly: q.CountOnly,
		MinModRevision: q.MinModRevision, MaxModRevision: q.MaxModRevision,
		MinCreateRevision: q.MinCreateRevision, MaxCreateRevision: q.MaxCreateRevision,
	}
}

func putRequest(q *pb.PutRequest) *etcd.PutRequest {
	return &etcd.PutRequest{
		Key: string(q.Key), Value: etcd.Bytes(q.Value), Lease: q.Lease, PrevKV: q.PrevKv, IgnoreValue: q.IgnoreValue,
		IgnoreLease: q.IgnoreLease,
	}
}

func deleteRequest(q *pb.DeleteRangeRequest) *etcd.DeleteRangeRequest {
	return &etcd.DeleteRangeRequest{Key: string(q.Key), RangeEnd: string(q.RangeEnd), PrevKV: q.PrevKv}
}

func txnRequest(q *pb.TxnRequest) *etcd.TxnRequest {
	r := &etcd.TxnRequest{Success: requestOps(q.Success), Failure: requestOps(q.Failure)}
	for _, c := range q.Compare {
		r.Compare = append(r.Compare, compare(c))
	}
	return r
}

func compare(c *pb.Compare) etcd.Compare {
	r := etcd.Compare{Result: mvcc.CompareResult(c.Result), Key: string(c.Key), RangeEnd: string(c.RangeEnd)}
	switch c.Target {
	case pb.Compare_VERSION:
		r.Target, r.Number = etcd.CompareVersion, c.GetVersion()
	case pb.Compare_CREATE:
		r.Target, r.Number = etcd.CompareCreateRevision, c.GetCreateRevision()
	case pb.Compare_MOD:
		r.Target, r.Number = etcd.CompareModRevision, c.GetModRevision()
	case pb.Compare_LEASE:
		r.Target, r.Number = etcd.CompareLease, c.GetLease()
	case pb.Compare_VALUE:
		r.Target, r.Value = etcd.CompareValue, etcd.Bytes(c.GetValue())
	}
	return r
}

func requestOps(ops []*pb.RequestOp) (all []etcd.RequestOp) {
	for _, op := range ops {
		var r etcd.RequestOp
		switch q := op.Request.(type) {
		case *pb.RequestOp_RequestRange:
			r.Range = rangeRequest(q.RequestRange)
		case *pb.RequestOp_RequestPut:
			r.Put = putRequest(q.RequestPut)
		case *pb.RequestOp_RequestDeleteRange:
			r.DeleteRange = deleteRequest(q.RequestDeleteRange)
		case *pb.RequestOp_RequestTxn:
			r.Txn = txnRequest(q.RequestTxn)
		}
		all = append(all, r)
	}
	return all
}

func watchRequest(q *pb.WatchCreateRequest) *etcd.WatchRequest {
	r := &etcd.WatchRequest{
		Key: string(q.Key), RangeEnd: string(q.RangeEnd), StartRevision: q.StartRevision, PrevKV: q.PrevKv,
		ProgressNotify: q.ProgressNotify, Fragment: q.Fragment,
	}
	for _, f := range q.Filters {
		r.NoPut = r.NoPut || f == pb.WatchCreateRequest_NOPUT
		r.NoDelete = r.NoDelete || f == pb.WatchCreateRequest_NODELETE
	}
	return r
}

// fromSimulated translates an answer back.
func fromSimulated(answer any) message {
	switch a := answer.(type) {
	case *etcd.RangeResponse:
		return rangeResponse(a)
	case *etcd.PutResponse:
		return &pb.PutResponse{Header: header(a.Header), PrevKv: keyValue(a.PrevKV)}
	case *etcd.DeleteRangeResponse:
		return deleteResponse(a)
	case *etcd.TxnResponse:
		return txnResponse(a)
	case *etcd.CompactionResponse:
		return &pb.CompactionResponse{Header: header(a.Header)}
	case *etcd.LeaseGrantResponse:
		return &pb.LeaseGrantResponse{Header: header(a.Header), ID: a.ID, TTL: a.TTLSeconds}
	case *etcd.LeaseRevokeResponse:
		return &pb.LeaseRevokeResponse{Header: header(a.Header)}
	case *etcd.LeaseKeepAliveResponse:
		return &pb.LeaseKeepAliveResponse{Header: header(a.Header), ID: a.ID, TTL: a.TTLSeconds}
	case *etcd.LeaseTimeToLiveResponse:
		return timeToLiveResponse(a)
	case *etcd.LeaseLeasesResponse:
		r := &pb.LeaseLeasesResponse{Header: header(a.Header)}
		for _, id := range a.IDs {
			r.Leases = append(r.Leases, &pb.LeaseStatus{ID: id})
		}
		return r
	case *etcd.AlarmResponse:
		r := &pb.AlarmResponse{Header: header(a.Header)}
		for _, x := range a.Alarms {
			r.Alarms = append(r.Alarms, &pb.AlarmMember{MemberID: x.MemberID, Alarm: pb.AlarmType(x.Type)})
		}
		return r
	case *etcd.HashKVResponse:
		return &pb.HashKVResponse{Header: header(a.Header), CompactRevision: a.CompactRevision, HashRevision: a.HashRevision}
	default:
		panic(fmt.Sprintf("no translation of a %T", answer))
	}
}

func header(h etcd.Header) *pb.ResponseHeader {
	return &pb.ResponseHeader{ClusterId: h.ClusterID, MemberId: h.MemberID, Revision: h.Revision, RaftTerm: h.RaftTerm}
}

func keyValue(kv *etcd.KeyValue) *mvccpb.KeyValue {
	if kv == nil {
		return nil
	}
	r := &mvccpb.KeyValue{
		Key: []byte(kv.Key), CreateRevision: kv.CreateRevision, ModRevision: kv.ModRevision, Version: kv.Version, Lease: kv.Lease,
	}
	if kv.Value != nil {
		r.Value = []byte(kv.Value.(etcd.Bytes))
	}
	return r
}

func keyValues(kvs []*etcd.KeyValue) (all []*mvccpb.KeyValue) {
	for _, kv := range kvs {
		all = append(all, keyValue(kv))
	}
	return all
}

func rangeResponse(a *etcd.RangeResponse) *pb.RangeResponse {
	return &pb.RangeResponse{Header: header(a.Header), Kvs: keyValues(a.KVs), More: a.More, Count: a.Count}
}

func deleteResponse(a *etcd.DeleteRangeResponse) *pb.DeleteRangeResponse {
	return &pb.DeleteRangeResponse{Header: header(a.Header), Deleted: a.Deleted, PrevKvs: keyValues(a.PrevKVs)}
}

func txnResponse(a *etcd.TxnResponse) *pb.TxnResponse {
	r := &pb.TxnResponse{Header: header(a.Header), Succeeded: a.Succeeded}
	for _, op := range a.Responses {
		r.Responses = append(r.Responses, responseOp(op))
	}
	return r
}

func responseOp(a etcd.ResponseOp) *pb.ResponseOp {
	switch {
	case a.Range != nil:
		return &pb.ResponseOp{Response: &pb.ResponseOp_ResponseRange{ResponseRange: rangeResponse(a.Range)}}
	case a.Put != nil:
		return &pb.ResponseOp{Response: &pb.ResponseOp_ResponsePut{
			ResponsePut: &pb.PutResponse{Header: header(a.Put.Header), PrevKv: keyValue(a.Put.PrevKV)},
		}}
	case a.DeleteRange != nil:
		return &pb.ResponseOp{Response: &pb.ResponseOp_ResponseDeleteRange{ResponseDeleteRange: deleteResponse(a.DeleteRange)}}
	default:
		return &pb.ResponseOp{Response: &pb.ResponseOp_ResponseTxn{ResponseTxn: txnResponse(a.Txn)}}
	}
}

func timeToLiveResponse(a *etcd.LeaseTimeToLiveResponse) *pb.LeaseTimeToLiveResponse {
	r := &pb.LeaseTimeToLiveResponse{Header: header(a.Header), ID: a.ID, TTL: a.TTLSeconds, GrantedTTL: a.GrantedTTLSeconds}
	for _, key := range a.Keys {
		r.Keys = append(r.Keys, []byte(key))
	}
	return r
}

func watchResponse(a *etcd.WatchResponse) *pb.WatchResponse {
	r := &pb.WatchResponse{
		Header: header(a.Header), Created: a.Created, Canceled: a.Canceled, CompactRevision: a.CompactRevision, Fragment: a.Fragment,
	}
	if a.Reason != nil && a.CompactRevision == 0 { // etcd's clients know the reason by the compact revision.
		r.CancelReason = a.Reason.Error()
	}
	for _, e := range a.Events {
		r.Events = append(r.Events, &mvccpb.Event{Type: mvccpb.Event_EventType(e.Type), Kv: keyValue(e.KV), PrevKv: keyValue(e.PrevKV)})
	}
	return r
}
