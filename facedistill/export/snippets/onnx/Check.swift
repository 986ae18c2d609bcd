// Runs a student's ONNX file on the test vectors and compares the embeddings.
// Swift package: https://github.com/microsoft/onnxruntime-swift-package-manager
import Foundation
import OnnxRuntimeBindings

/// Lowest cosine between what `file` says of the vectors in `folder` and what the student said; @LEAST@ is enough for @FILE@.
func lowestCosine(file: URL, folder: URL) throws -> Float {
    let pixels = NSMutableData(data: try Data(contentsOf: folder.appendingPathComponent("@INPUTS@")))
    let wanted = try floats(Data(contentsOf: folder.appendingPathComponent("embeddings.f32")))
    let environment = try ORTEnv(loggingLevel: .warning)
    let session = try ORTSession(env: environment, modelPath: file.path, sessionOptions: nil)
    let shape: [NSNumber] = [@SHAPE@]
    let input = try ORTValue(tensorData: pixels, elementType: .@SWIFT@, shape: shape)
    let answers = try session.run(withInputs: ["@IN@": input], outputNames: ["embedding"], runOptions: nil)
    let given = try floats(answers["embedding"]!.tensorData() as Data)
    let width = @WIDTH@
    return stride(from: 0, to: given.count, by: width).map { first in
        zip(given[first..<first + width], wanted[first..<first + width]).reduce(Float(0)) { $0 + $1.0 * $1.1 }
    }.min()!  // both sides have length 1
}

private func floats(_ data: Data) -> [Float] {
    data.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
}
