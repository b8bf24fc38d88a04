"""The message ``tf.train.Example``, without TensorFlow: its definition, kept here by hand.

From TensorFlow's ``example.proto`` and ``feature.proto``::

    message BytesList { repeated bytes value = 1; }
    message FloatList { repeated float value = 1 [packed = true]; }
    message Int64List { repeated int64 value = 1 [packed = true]; }
    message Feature { oneof kind { BytesList bytes_list = 1; FloatList float_list = 2; Int64List int64_list = 3; } }
    message Features { map<string, Feature> feature = 1; }
    message Example { Features features = 1; }

It is entered in a pool of its own: a program that has TensorFlow loaded has these names in the common one.
"""  # noqa: E501 - the definition as it stands

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_Field = descriptor_pb2.FieldDescriptorProto


def _field(message: descriptor_pb2.DescriptorProto, name: str, number: int, kind: Any, **more: Any) -> None:
    message.field.add(name=name, number=number, type=kind, **({"label": _Field.LABEL_OPTIONAL} | more))


def _definition() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(
        name="tonearm/example.proto", package="tensorflow", syntax="proto3"
    )
    for name, kind in (
        ("BytesList", _Field.TYPE_BYTES),
        ("FloatList", _Field.TYPE_FLOAT),
        ("Int64List", _Field.TYPE_INT64),
    ):
        _field(file.message_type.add(name=name), "value", 1, kind, label=_Field.LABEL_REPEATED)
    feature = file.message_type.add(name="Feature")
    feature.oneof_decl.add(name="kind")
    for number, name in enumerate(("Bytes", "Float", "Int64"), start=1):
        type_name = f".tensorflow.{name}List"
        _field(
            feature, f"{name.lower()}_list", number, _Field.TYPE_MESSAGE, type_name=type_name, oneof_index=0
        )
    features = file.message_type.add(name="Features")
    entry = features.nested_type.add(name="FeatureEntry")
    entry.options.map_entry = True
    _field(entry, "key", 1, _Field.TYPE_STRING)
    _field(entry, "value", 2, _Field.TYPE_MESSAGE, type_name=".tensorflow.Feature")
    type_name = ".tensorflow.Features.FeatureEntry"
    _field(features, "feature", 1, _Field.TYPE_MESSAGE, type_name=type_name, label=_Field.LABEL_REPEATED)
    example = file.message_type.add(name="Example")
    _field(example, "features", 1, _Field.TYPE_MESSAGE, type_name=".tensorflow.Features")
    return file


def _message_class() -> Any:
    pool = descriptor_pool.DescriptorPool()
    pool.Add(_definition())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("tensorflow.Example"))


Example: Any = _message_class()
"""The class of the message."""
