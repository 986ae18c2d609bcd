// Runs a student's ONNX file on the test vectors beside this file and compares the embeddings.
//   g++ -std=c++17 check.cpp -I<onnxruntime>/include -L<onnxruntime>/lib -lonnxruntime -o check
//   ./check ../@FILE@ [least cosine, @LEAST@ for this file]
#include <onnxruntime_cxx_api.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <vector>

template <typename T>
std::vector<T> read(const char* path) {
    std::ifstream file(path, std::ios::binary);
    std::vector<char> bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    const T* first = reinterpret_cast<const T*>(bytes.data());
    return std::vector<T>(first, first + bytes.size() / sizeof(T));
}

int main(int count, char** arguments) {
    if (count < 2) return std::fprintf(stderr, "usage: check FILE [least cosine]\n"), 2;
    const float least = count > 2 ? std::strtof(arguments[2], nullptr) : @LEAST@f;
    constexpr int64_t faces = @FACES@, width = @WIDTH@;
    const std::array<int64_t, 4> shape{@SHAPE@};
    auto pixels = read<@CPP@>("@INPUTS@");
    const auto wanted = read<float>("embeddings.f32");
    if (pixels.size() != @VALUES@ || wanted.size() != size_t(faces * width))
        return std::fprintf(stderr, "run this in the folder of the vectors\n"), 2;

    Ort::Env environment;
    Ort::SessionOptions options;
    options.SetIntraOpNumThreads(1);
    Ort::Session session(environment, arguments[1], options);
    const auto memory = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
    auto input = Ort::Value::CreateTensor<@CPP@>(memory, pixels.data(), pixels.size(), shape.data(), shape.size());
    const char *in = "@IN@", *out = "embedding";
    auto answers = session.Run(Ort::RunOptions{}, &in, &input, 1, &out, 1);

    const float* given = answers[0].GetTensorData<float>();
    float lowest = 1;
    for (int64_t face = 0; face < faces; ++face) {
        float cosine = 0;  // both sides have length 1
        for (int64_t i = 0; i < width; ++i) cosine += given[face * width + i] * wanted[face * width + i];
        if (!(cosine >= lowest)) lowest = cosine;
    }
    std::printf("lowest cosine %.6f, wanted %.6f: %s\n", lowest, least, lowest >= least ? "same" : "DIFFERENT");
    return lowest >= least ? 0 : 1;
}
