import subprocess, sys, time, os
from tests.catalog import start_tonearm, write_song
def go(*a, **e):
    t=time.time()
    p = start_tonearm(*a, **e); out,_=p.communicate(timeout=200)
    print(f"--- {a} rc {p.returncode} {time.time()-t:.1f}s\n{out[-3500:]}")
    return p.returncode
def test_gs(gcs_server, tmp_path, songs):
    b = gcs_server.create_bucket("bucket")
    for s in songs.iterdir(): gcs_server.upload("bucket", f"in/{s.name}", s)
    gcs_server.upload("bucket", "in/cover.jpg", b"\xff\xd8\xff"+bytes(100000))
    rc = go("ingest", "gs://bucket/in/**", "--output", "gs://bucket/tables", "--direct_num_workers", "2")
    for r in gcs_server.faults.requests: print(r)
    print(gcs_server.names("bucket"))
    n=len(gcs_server.faults.requests)
    go("ingest", "gs://bucket/in/", "--output", "gs://bucket/tables")
    for r in gcs_server.faults.requests[n:]: print(r)
    go("show", "gs://bucket/tables")
    go("show", "gs://bucket/tables", "flac")
    assert 0
def test_s3(s3_server, tmp_path, songs):
    b = s3_server.create_bucket("bucket")
    for s in songs.iterdir(): s3_server.upload("bucket", f"in/{s.name}", s)
    s3_server.upload("bucket", "in/cover.jpg", b"\xff\xd8\xff"+bytes(100000))
    rc = go("ingest", "s3://bucket/in/**", "--output", "s3://bucket/tables", "--direct_num_workers", "2")
    for r in s3_server.faults.requests: print(r)
    print(s3_server.names("bucket"))
    n=len(s3_server.faults.requests)
    go("ingest", "s3://bucket/in/", "--output", "s3://bucket/tables")
    for r in s3_server.faults.requests[n:]: print(r)
    go("show", "s3://bucket/tables")
    assert 0
