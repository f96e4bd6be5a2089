#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh BUILD NETWORKS [DOCUMENT]: all that docs/performance.md compares, in about 20 minutes on an idle machine; a summary comes last.
# BUILD: Convoke's build folder. NETWORKS: a folder; the networks are written into it where they are missing. DOCUMENT: a file whose tables are
# replaced (docs/performance.md). PYTHON: the interpreter that has what requirements.txt and requirements-nodeps.txt list (default: python3).
# PART: some of the parts below (default: all but opencl, which needs an OpenCL driver and CLBLAST_TUNED, the folder that tune_clblast.sh filled).
set -e
build=$1 nets=$2 document=$3 part=${PART:-layers plain others avx2 networks startup}
[ -n "$nets" ] || { sed -n '3,6s/^# //p' "$0"; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
layers=$here/../layers
python=${PYTHON:-python3}
results=$(mktemp)
trap 'rm -f "$results"' EXIT

compare() { "$python" "$here/compare.py" "$build" --results "$results" "$@" || true; }
convs="$layers/alexnet.csv $layers/vgg16.csv $layers/resnet18.csv $layers/resnet50.csv"
networks='lenet5 alexnet vgg16 resnet18 resnet50 mobilenetv2'
libraries=onnxruntime,openvino,ncnn,mnn,opencv

for name in onednn $(echo $libraries | tr , ' '); do "$python" "$here/peer.py" "$name" --version; done

for threads in 1 2; do
  case " $part " in *' layers '*)
    compare --threads $threads --layers $convs --title 'convolutions'
    compare --threads $threads --layers "$layers/depthwise.csv"
    compare --threads $threads --layers "$layers/grouped.csv"
    compare --threads $threads --layers "$layers/mobilenetv2.csv" --title 'mobilenetv2 without depthwise'
    compare --threads $threads --layers "$layers/pools.csv"
    compare --threads $threads --layers "$layers/dense.csv"
    compare --threads $threads --layers "$layers/learn.csv" --peers onednn ;;
  esac
  case " $part " in *' plain '*)
    compare --threads $threads --layers $convs --title 'convolutions' --layout nchw --peers onednn,onnxruntime
    compare --threads $threads --layers "$layers/depthwise.csv" --layout nchw --peers onednn,onnxruntime ;;
  esac
  case " $part " in *' others '*)
    compare --threads $threads --layers "$layers/pools.csv" --layout nchw --peers onednn,onnxruntime,opencv
    compare --threads $threads --layers "$layers/pads.csv" --layout nchw --peers onnxruntime,opencv
    compare --threads $threads --layers "$layers/lenet.csv" --layout nchw --peers onednn,onnxruntime ;;
  esac
  case " $part " in *' avx2 '*)
    compare --threads $threads --layers $convs --title 'convolutions' --isa avx2 ;;
  esac
done

case " $part " in *' networks '*|*' startup '*)
  for network in $networks; do
    [ -f "$nets/$network.onnx" ] || "$python" "$here/networks.py" "$nets" $network
  done ;;
esac
case " $part " in *' networks '*)
  for network in $networks; do
    compare --threads 1 --time 0.6 --model "$nets/$network.onnx" --peers $libraries --check
    compare --threads 2 --time 0.6 --model "$nets/$network.onnx" --peers $libraries
  done ;;
esac
case " $part " in *' startup '*)
  for threads in 1 2; do "$python" "$here/startup.py" "$build" "$nets/resnet50.onnx" --threads $threads --results "$results"; done ;;
esac

case " $part " in *' opencl '*)
  for name in clblast tinygrad naive; do "$python" "$here/peer.py" "$name" --version; done
  for threads in 1 2; do
    for network in $networks; do compare --device opencl --threads $threads --time 0.6 --model "$nets/$network.onnx" --peers convoke-cpu; done
  done
  compare --device opencl --threads 2 --rounds 1 --layers $convs --title 'convolutions' --peers clblast,tinygrad,naive
  compare --device opencl --threads 2 --rounds 1 --layers "$layers/mobilenetv2.csv" --title 'mobilenetv2 without depthwise' --peers clblast,tinygrad,naive
  compare --device opencl --threads 2 --rounds 1 --layers "$layers/depthwise.csv" --peers tinygrad,naive ;;
esac

"$python" "$here/tables.py" "$results" $document
