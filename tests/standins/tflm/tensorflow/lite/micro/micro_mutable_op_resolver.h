// The part of TensorFlow Lite Micro's interface that generated code uses, without an interpreter: for compiling only.
#ifndef STANDIN_MICRO_MUTABLE_OP_RESOLVER_H
#define STANDIN_MICRO_MUTABLE_OP_RESOLVER_H
#include <cstddef>
#include <cstdint>
enum TfLiteStatus { kTfLiteOk = 0, kTfLiteError = 1 };
namespace tflite {
template <unsigned int count>
class MicroMutableOpResolver {
 public:
  TfLiteStatus AddDecode() { return Add(); }
  TfLiteStatus AddFullyConnected() { return Add(); }
  TfLiteStatus AddSoftmax() { return Add(); }
  unsigned int registered = 0;

 private:
  TfLiteStatus Add() { return registered++ < count ? kTfLiteOk : kTfLiteError; }
};
}  // namespace tflite
#endif
