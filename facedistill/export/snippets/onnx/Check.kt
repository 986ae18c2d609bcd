// Runs a student's ONNX file on the test vectors and compares the embeddings.
// dependencies { implementation("com.microsoft.onnxruntime:onnxruntime-android:1.23.0") }, or onnxruntime on a desktop
import ai.onnxruntime.OnnxJavaType
import ai.onnxruntime.OnnxTensor
import ai.onnxruntime.OrtEnvironment
import java.io.File
import java.nio.ByteBuffer
import java.nio.ByteOrder

/** Lowest cosine between what [file] says of the vectors in [folder] and what the student said; @LEAST@ is enough for @FILE@. */
fun lowestCosine(file: File, folder: File): Float {
    val pixels = File(folder, "@INPUTS@").readBytes()
    val input = ByteBuffer.allocateDirect(pixels.size).order(ByteOrder.LITTLE_ENDIAN).put(pixels).apply { rewind() }
    val wanted = ByteBuffer.wrap(File(folder, "embeddings.f32").readBytes()).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer()
    val environment = OrtEnvironment.getEnvironment()
    val shape = longArrayOf(@SHAPE@)
    environment.createSession(file.path).use { session ->
        OnnxTensor.createTensor(environment, input, shape, OnnxJavaType.@KOTLIN@).use { tensor ->
            session.run(mapOf("@IN@" to tensor)).use { answers ->
                @Suppress("UNCHECKED_CAST")
                val given = answers[0].value as Array<FloatArray>
                return given.minOf { row -> row.sumOf { (it * wanted.get()).toDouble() }.toFloat() } // both have length 1
            }
        }
    }
}
